"""The scan is the plain loop, forward and backward, in C++ and in PyTorch; it keeps half of what autograd keeps."""

import pytest
import torch

from replications.papers.recurrent_discounted_attention.method import ATTENTION, RECIPES, SHAPES, Recipe, two_state_loop
from replications.papers.recurrent_discounted_attention.scan import EMPTY, backend, scan

from .conftest import weights

T, B, H, D = 7, 3, 5, 2
ALL = [Recipe(a, d, h) for a in ATTENTION for d in (True, False) for h in SHAPES]


def problem(recipe, dtype=torch.float64, shape=(T, B, H, D), seed=0):
    steps, batch, hidden, inputs = shape
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(steps, batch, inputs, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    r0 = torch.randn(batch, hidden, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    return x, weights(recipe, inputs, hidden, dtype, seed), r0


@pytest.mark.parametrize("recipe", ALL, ids=str)
def test_equals_the_plain_loop_and_its_gradients(recipe, path):
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        x, w, r0 = problem(recipe, dtype)
        found, r, _ = scan(recipe, x, w, r0, torch.full_like(r0, EMPTY))
        expected = two_state_loop(recipe, x, w, r0)
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(SHAPES[recipe.hidden](r), found[-1], rtol=tolerance, atol=tolerance)
        probe = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
        for mine, theirs in zip(
            torch.autograd.grad((found * probe).sum(), [x, *w, r0]),
            torch.autograd.grad((expected * probe).sum(), [x, *w, r0]),
        ):
            scale = theirs.abs().max().clamp(min=1.0)
            torch.testing.assert_close(mine / scale, theirs / scale, rtol=0, atol=2 * tolerance)


@pytest.mark.parametrize("recipe", [*RECIPES.values(), Recipe("softplus"), Recipe("relu")], ids=str)
def test_gradcheck_with_a_state_carried_in_and_out(recipe, path):
    x, w, r0 = problem(recipe, shape=(3, 2, 2, 2))
    s0 = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(9)).requires_grad_()

    def call(x, r0, s0, *w):
        return scan(recipe, x, type(problem_weights)(*w), r0, s0)

    problem_weights = w
    assert torch.autograd.gradcheck(call, (x, r0, s0, *w))


def test_a_sequence_in_two_parts_is_the_sequence(path):
    for recipe in RECIPES.values():
        x, w, r0 = problem(recipe)
        whole = scan(recipe, x, w, r0, torch.full_like(r0, EMPTY))
        h, r, s = scan(recipe, x[:3], w, r0, torch.full_like(r0, EMPTY))
        rest = scan(recipe, x[3:], w, r, s)
        torch.testing.assert_close(torch.cat([h, rest[0]]), whole[0])
        torch.testing.assert_close(rest[1:], whole[1:])


@pytest.mark.parametrize("attention", ["exp", "sigmoid", "softplus"])
def test_pre_activations_of_ten_thousand_stay_finite(attention, path):
    recipe = Recipe(attention)
    for dtype in (torch.float32, torch.float64):
        x, w, r0 = problem(recipe, dtype)
        x = (x.detach() * 1e4).requires_grad_()
        w = w._replace(w_u=(w.w_u.detach() * 1e-4).requires_grad_())
        h, _, s = scan(recipe, x, w, r0, torch.full_like(r0, EMPTY))
        assert h.isfinite().all()
        assert s.isfinite().all()
        assert all(g.isfinite().all() for g in torch.autograd.grad(h.sum(), [x, *w]))


def test_a_gradient_that_is_not_contiguous_is_the_gradient(path):
    """The sum's gradient has stride 0; its copy must live as long as the loop that reads it."""
    for recipe in RECIPES.values():
        x, w, r0 = problem(recipe, shape=(40, 16, 32, 4))
        h, _, _ = scan(recipe, x, w, r0, torch.full_like(r0, EMPTY))
        ones = torch.ones_like(h)
        expected = torch.autograd.grad(h, [x, *w], ones, retain_graph=True)
        for _ in range(5):
            for mine, theirs in zip(torch.autograd.grad(h.sum(), [x, *w], retain_graph=True), expected):
                torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


def test_nan_comes_out_as_nan(path):
    recipe = Recipe("exp")
    x, w, r0 = problem(recipe, torch.float32)
    broken = x.detach().clone()
    broken[2, 1] = torch.nan
    h = scan(recipe, broken, w, r0, torch.full_like(r0, EMPTY))[0]
    assert h[2:, 1].isnan().all()
    assert h[:, [0, 2]].isfinite().all()


def test_both_paths_agree(monkeypatch):
    from replications.papers.recurrent_discounted_attention import kernel

    if kernel.library() is None:
        pytest.skip("no C++ compiler on this machine")
    recipe = RECIPES["rda-sigmoid-id"]
    x, w, r0 = problem(recipe, torch.float32, (50, 4, 33, 3))
    assert backend(x.device) == "C++"
    fast = scan(recipe, x, w, r0, torch.full_like(r0, EMPTY))[0]
    monkeypatch.setattr(kernel, "library", lambda: None)
    assert backend(x.device) == "PyTorch"
    torch.testing.assert_close(fast, scan(recipe, x, w, r0, torch.full_like(r0, EMPTY))[0], rtol=1e-5, atol=1e-6)


def kept_bytes(call) -> int:
    """Bytes of the distinct memory that autograd holds for the backward pass of `call`."""
    storages = {}

    def pack(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        held.append(tensor)  # so that no address is used twice
        return tensor

    held = []
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        call()
    return sum(storages.values())


@pytest.mark.parametrize("name", RECIPES)
def test_memory_for_the_backward_pass_is_at_most_half_and_linear(name):
    recipe = RECIPES[name]

    def kept(function, steps):
        x, w, r0 = problem(recipe, torch.float32, (steps, 10, 64, 2))
        start = (torch.full_like(r0, EMPTY),) if function is scan else ()
        return kept_bytes(lambda: function(recipe, x, w, r0, *start))

    mine = [kept(scan, steps) for steps in (20, 40, 80)]
    assert 2 * mine[2] <= kept(two_state_loop, 80)
    assert mine[2] - mine[1] == 2 * (mine[1] - mine[0])


def test_bad_input_is_refused_by_name():
    recipe = Recipe("exp")
    x, w, r0 = problem(recipe)
    s0 = torch.full_like(r0, EMPTY)
    with pytest.raises(ValueError, match=r"T ≥ 1, got \(0, 3, 2\)"):
        scan(recipe, x[:0], w, r0, s0)
    with pytest.raises(ValueError, match="the unit takes 2 features"):
        scan(recipe, x[..., :1], w, r0, s0)
    with pytest.raises(ValueError, match=r"states \(3, 5\)"):
        scan(recipe, x, w, r0[:2], s0)
