"""The pointwise part of one RDA or RWA step in C++, forward and backward, built on first use.

The matrix products of a step stay PyTorch's; what lies between them is one pass over (B, H) here instead of a dozen. The
source has no header but the standard library's, so it compiles in a second and outlives PyTorch versions. It is built by
the C++ compiler of the machine ($CXX, c++, g++ or clang++), under a lock, into the user's cache folder, never at import;
without a compiler, `scan` goes on with PyTorch's own operations and says so once.

float32 exponentials and logarithms are polynomials here, because a loop around the library's would not be vectorised:
exp to 1e-7 relative, by e^x = 2^k e^y with |y| ≤ ln(2)/2 and Taylor's terms to y⁷; ln(1+e) on [0, 1] by its series in
e/(2+e). Arguments of exp are cut at ±87, where σ is 0 or 1 to float32.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import torch

from replications.data.fetch import cache_folder, locked

SOURCE = r"""
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

// g, a and y are rows of one array: without this the compiler must assume that they overlap
#if defined(__clang__)
#define NO_OVERLAP _Pragma("clang loop vectorize(assume_safety)")
#else
#define NO_OVERLAP _Pragma("GCC ivdep")
#endif

enum Attention { EXP, SIGMOID, SOFTPLUS, RELU };

static inline double exponential(double x) { return std::exp(x); }
static inline float exponential(float x) {
  x = x < -87.f ? -87.f : x > 87.f ? 87.f : x;
  const float shifter = 12582912.f;            // 1.5 * 2^23: adding it rounds to a whole number in the low bits
  float k = x * 1.44269504f + shifter;
  int32_t power;
  std::memcpy(&power, &k, 4);
  k -= shifter;
  const float y = (x - k * 0.693145752f) - k * 1.42860677e-6f;   // ln 2 in two parts, the first exact times k
  float p = 1.f / 5040;
  p = p * y + 1.f / 720;
  p = p * y + 1.f / 120;
  p = p * y + 1.f / 24;
  p = p * y + 1.f / 6;
  p = p * y + 1.f / 2;
  p = p * y + 1.f;
  p = p * y + 1.f;
  int32_t bits;
  std::memcpy(&bits, &p, 4);
  bits += int32_t(uint32_t(power) << 23);
  std::memcpy(&p, &bits, 4);
  return p;
}

// ln((1+f)/(1-f)) for |f| <= 1/3
static inline float log_ratio(float f) {
  const float w = f * f;
  float p = 2.f / 13;
  p = p * w + 2.f / 11;
  p = p * w + 2.f / 9;
  p = p * w + 2.f / 7;
  p = p * w + 2.f / 5;
  p = p * w + 2.f / 3;
  p = p * w + 2.f;
  return p * f;
}
static inline double log_one_plus(double e) { return std::log1p(e); }
static inline float log_one_plus(float e) { return log_ratio(e / (2.f + e)); }  // 0 <= e <= 1

static inline double logarithm(double x) { return std::log(x); }
static inline float logarithm(float x) {       // normal and positive
  int32_t bits;
  std::memcpy(&bits, &x, 4);
  const int32_t power = (bits - 0x3f3504f3) >> 23;   // of two, so that the mantissa lies in [sqrt(1/2), sqrt(2))
  bits -= int32_t(uint32_t(power) << 23);
  std::memcpy(&x, &bits, 4);
  return power * 0.693147181f + log_ratio((x - 1.f) / (x + 1.f));
}

template <typename T> static inline T tangent(T x) {
  const T e = exponential(-2 * std::fabs(x));
  return std::copysign((1 - e) / (1 + e), x);
}

// pre: (B, G*H) pre-activations of g, a, gamma; left behind are tanh g, d ln a / d pre (not for exp), 1 - gamma.
template <typename T, Attention A, bool DISCOUNT, bool TANH>
static void forward(int64_t B, int64_t H, T* pre, const T* u, const T* r0, T* s, T* alpha, T* r1, T* h) {
  for (int64_t row = 0; row < B; row++) {
    T* __restrict__ g = pre + row * H * (DISCOUNT ? 3 : 2);
    T* __restrict__ a = g + H;
    T* __restrict__ y = a + H;
    const T* __restrict__ u_ = u + row * H;
    const T* __restrict__ before = r0 + row * H;
    T* __restrict__ s_ = s + row * H;
    T* __restrict__ alpha_ = alpha + row * H;
    T* __restrict__ after = r1 + row * H;
    T* __restrict__ h_ = h + row * H;
    NO_OVERLAP
    for (int64_t j = 0; j < H; j++) {
      const T tanh_g = tangent(g[j]);
      T q = a[j], kept = s_[j];
      if (A == SIGMOID) {
        const T e = exponential(-std::fabs(q));
        a[j] = (q >= 0 ? e : T(1)) / (1 + e);
        q = (q < 0 ? q : T(0)) - log_one_plus(e);
      } else if (A == SOFTPLUS) {
        const T cut = q < -40 ? T(-40) : q;      // below, softplus is e^q to rounding
        const T e = exponential(-std::fabs(cut)), value = (cut > 0 ? cut : T(0)) + log_one_plus(e);
        a[j] = (cut >= 0 ? T(1) : e) / ((1 + e) * value);
        q = q < cut ? q : logarithm(value);
      } else if (A == RELU) {
        a[j] = q > 0 ? 1 / q : T(0);
        q = q > 0 ? logarithm(q) : T(-1e30);
      }
      if (DISCOUNT) {
        const T e = exponential(-std::fabs(y[j]));
        kept += (y[j] < 0 ? y[j] : T(0)) - log_one_plus(e);
        y[j] = (y[j] >= 0 ? e : T(1)) / (1 + e);
      }
      const T x = q - kept, e = exponential(-std::fabs(x));
      T weight = (x >= 0 ? T(1) : e) / (1 + e);
      if (A == RELU && q < T(-9e29) && kept < T(-9e29)) weight = std::numeric_limits<T>::quiet_NaN();  // 0/0
      s_[j] = (kept > q ? kept : q) + log_one_plus(e);
      const T r = before[j] + weight * (u_[j] * tanh_g - before[j]);
      g[j] = tanh_g;
      alpha_[j] = weight;
      after[j] = r;
      if (TANH) h_[j] = tangent(r);
    }
  }
}

// dh, dr, ds: gradients with respect to h, r, s after the step, in; dr, ds before the step, out. grad adds to dh.
template <typename T, Attention A, bool DISCOUNT, bool TANH>
static void backward(int64_t B, int64_t H, const T* saved, const T* u, const T* r0, const T* alpha, const T* h,
                     const T* grad, const T* dh, T* dr, T* ds, T* du, T* dpre) {
  for (int64_t row = 0; row < B; row++) {
    const int64_t at = row * H;
    const T* __restrict__ g = saved + at * (DISCOUNT ? 3 : 2);
    const T* __restrict__ a = g + H;
    const T* __restrict__ y = a + H;
    T* __restrict__ dg = dpre + at * (DISCOUNT ? 3 : 2);
    T* __restrict__ da = dg + H;
    T* __restrict__ dy = da + H;
    const T* __restrict__ u_ = u + at;
    const T* __restrict__ before = r0 + at;
    const T* __restrict__ alpha_ = alpha + at;
    const T* __restrict__ h_ = h + at;
    const T* __restrict__ grad_ = grad + at;
    const T* __restrict__ dh_ = dh + at;
    T* __restrict__ dr_ = dr + at;
    T* __restrict__ ds_ = ds + at;
    T* __restrict__ du_ = du + at;
    NO_OVERLAP
    for (int64_t j = 0; j < H; j++) {
      const T slope = TANH ? 1 - h_[j] * h_[j] : T(1);
      const T d = (grad_[j] + dh_[j]) * slope + dr_[j];
      const T w = alpha_[j], tanh_g = g[j], z = u_[j] * tanh_g;
      const T dq = d * (z - before[j]) * w * (1 - w) + ds_[j] * w;
      const T dkept = ds_[j] - dq, dz = w * d;
      dr_[j] = (1 - w) * d;
      ds_[j] = dkept;
      da[j] = A == EXP ? dq : dq * a[j];
      if (DISCOUNT) dy[j] = dkept * y[j];
      dg[j] = dz * u_[j] * (1 - tanh_g * tanh_g);
      du_[j] = dz * tanh_g;
    }
  }
}

#define CHOOSE(NAME, T, A, ...)                                                   \
  (discount ? (tanh_h ? NAME<T, A, true, true>(__VA_ARGS__) : NAME<T, A, true, false>(__VA_ARGS__)) \
            : (tanh_h ? NAME<T, A, false, true>(__VA_ARGS__) : NAME<T, A, false, false>(__VA_ARGS__)))
#define DISPATCH(NAME, T, ...)                                 \
  switch (attention) {                                         \
    case EXP: CHOOSE(NAME, T, EXP, __VA_ARGS__); break;        \
    case SIGMOID: CHOOSE(NAME, T, SIGMOID, __VA_ARGS__); break; \
    case SOFTPLUS: CHOOSE(NAME, T, SOFTPLUS, __VA_ARGS__); break; \
    case RELU: CHOOSE(NAME, T, RELU, __VA_ARGS__); break;      \
  }
#define EXPORT(T, SUFFIX)                                                                                        \
  extern "C" void forward_##SUFFIX(int attention, int discount, int tanh_h, int64_t B, int64_t H, T* pre,        \
                                   const T* u, const T* r0, T* s, T* alpha, T* r1, T* h) {                       \
    DISPATCH(forward, T, B, H, pre, u, r0, s, alpha, r1, h)                                                      \
  }                                                                                                              \
  extern "C" void backward_##SUFFIX(int attention, int discount, int tanh_h, int64_t B, int64_t H,               \
                                    const T* saved, const T* u, const T* r0, const T* alpha, const T* h,         \
                                    const T* grad, const T* dh, T* dr, T* ds, T* du, T* dpre) {                  \
    DISPATCH(backward, T, B, H, saved, u, r0, alpha, h, grad, dh, dr, ds, du, dpre)                              \
  }
EXPORT(float, f32)
EXPORT(double, f64)
"""
ATTENTIONS = ("exp", "sigmoid", "softplus", "relu")  # the order of the enum
# no errno and no traps, so that loops vectorise; NaN and infinity keep their meaning
NATIVE = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
FLAGS = ("-std=c++17", "-O3", NATIVE, "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")


def compiler() -> str | None:
    """The C++ compiler of this machine, or None."""
    names = [os.environ.get("CXX", ""), "c++", "g++", "clang++"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


def library_path(program: str) -> Path:
    """Where the library for this source, compiler, processor and PyTorch stands in the cache."""
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    key = "\n".join([SOURCE, *FLAGS, version, torch.__version__, _processor()])
    return cache_folder() / "kernels" / f"rda-{hashlib.sha256(key.encode()).hexdigest()[:24]}.so"


def _processor() -> str:
    """What -march=native depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return platform.machine() + next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return platform.machine() + platform.processor()


def build(program: str, target: Path) -> None:
    """Compile the source into `target`, whole or not at all; a second process waits for the first.

    Raises:
        OSError: the folder cannot be written. subprocess.CalledProcessError: the compiler says no.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_suffix(".lock")):
        if target.exists():
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            source, built = Path(folder) / "rda.cpp", Path(folder) / "rda.so"
            source.write_text(SOURCE)
            command = [program, *FLAGS, "-o", str(built), str(source)]
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
            os.replace(built, target)


@cache
def library() -> ctypes.CDLL | None:
    """The compiled steps, or None, with one line to stderr, where they cannot be had."""
    program = compiler()
    if program is None:
        return _without("no C++ compiler found (c++, g++ or clang++; or set $CXX)")
    try:
        path = library_path(program)
        build(program, path)
        loaded = ctypes.CDLL(str(path))
    except subprocess.CalledProcessError as error:
        return _without(f"{program} failed: {(error.stderr or '').strip().splitlines()[:1]}")
    except (OSError, subprocess.SubprocessError) as error:
        return _without(str(error))
    for suffix in ("f32", "f64"):
        for name, pointers in (("forward", 7), ("backward", 11)):
            function = getattr(loaded, f"{name}_{suffix}")
            function.argtypes = [ctypes.c_int] * 3 + [ctypes.c_int64] * 2 + [ctypes.c_void_p] * pointers
            function.restype = None
    return loaded


def _without(reason: str) -> ctypes.CDLL | None:
    print(f"RDA units run without their compiled loop, slower and with the same results: {reason}", file=sys.stderr)
    return None
