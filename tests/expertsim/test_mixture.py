import math

import pytest
import torch

from simbench.expertsim.simulator import MixtureSimulator

NETWORKS = ("generator", "discriminator", "regressor")
RATES = ("lr_generator", "lr_discriminator", "lr_regressor", "lr_router")
RANDOM = {"start": "0", "shared": "0", "warmup": "0"}  # experts at random from the first step


def modules(learner):
    """All modules by a name such as ``1.generator``; the router is ``gate``."""
    found = {
        f"{number}.{name}": getattr(expert.networks, name)
        for number, expert in enumerate(learner.experts)
        for name in NETWORKS
    }
    return found | {"gate": learner.gate}


def snapshot(learner):
    return {
        name: [parameter.detach().clone() for parameter in module.parameters()]
        for name, module in modules(learner).items()
    }


def differing(first, second):
    return {
        name
        for name in first
        if any(not torch.equal(a, b) for a, b in zip(first[name], second[name], strict=True))
    }


def tensors(value):
    """All tensors within nested dictionaries and sequences."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for inner in value.values() for tensor in tensors(inner)]
    return [tensor for inner in value for tensor in tensors(inner)] if isinstance(value, list | tuple) else []


def storages(expert):
    """Where the tensors of an expert live: parameters, buffers, averages, state of the optimisers."""
    networks = [getattr(expert.networks, name) for name in NETWORKS]
    kept = [tensor for module in networks for tensor in (*module.parameters(), *module.buffers())]
    return {tensor.untyped_storage().data_ptr() for tensor in kept + tensors(expert.state())}


def force(learner, expert):
    """Let the router send every row to one expert."""
    with torch.no_grad():
        learner.gate.body[-1].bias[expert] += 1e4


def run(trained, steps):
    for step in range(steps):
        trained.learner.step(trained.rows.batch(step), step)


@pytest.mark.parametrize("model", ["expertsim-2", "expertsim-5"])
@pytest.mark.parametrize("shared", ["0", "0.4"])
def test_experts_share_no_storage(trainee, model, shared):
    trained = trainee(model=model, settings={"steps": "5", "shared": shared, "warmup": "0"})
    learner = trained.learner
    for step in range(5):
        found = [storages(expert) for expert in learner.experts]
        found.append({p.untyped_storage().data_ptr() for p in learner.gate.parameters()})
        found.append({t.untyped_storage().data_ptr() for t in learner.average.values()})
        assert all(found)
        assert sum(len(one) for one in found) == len(set().union(*found))
        learner.step(trained.rows.batch(step), step)


def values(expert):
    return [tensor.clone() for tensor in tensors(expert.state())]


def equal(first, second):
    return len(first) == len(second) and all(map(torch.equal, first, second))


def test_experts_start_as_copies_of_the_one_that_was_alone_and_drift_apart(trainee):
    trained = trainee(settings={"steps": "10", "shared": "0.25", "warmup": "0"})
    learner = trained.learner
    assert learner.alone == 3
    before, first = snapshot(learner), values(learner.experts[0])
    run(trained, 3)
    assert differing(before, snapshot(learner)) == {f"0.{name}" for name in NETWORKS}
    assert not equal(first, values(learner.experts[0]))

    learner._copy_first()
    assert equal(*(values(expert) for expert in learner.experts))
    learner.step(trained.rows.batch(3), 3)
    one, other = (values(expert) for expert in learner.experts)
    assert not equal(one, other)
    now = snapshot(learner)
    for name in NETWORKS:
        distance = [(a - b).abs().max() for a, b in zip(now[f"0.{name}"], now[f"1.{name}"], strict=True)]
        assert 0 < max(distance) < 0.01  # one step apart, from the same place


def test_random_starts_differ(trainee):
    now = snapshot(trainee(settings=RANDOM).learner)
    for name in NETWORKS:
        assert not torch.equal(now[f"0.{name}"][0], now[f"1.{name}"][0])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("expert", [0, 1])
def test_each_learning_rate_moves_the_network_of_the_chosen_expert_alone(trainee, rate, expert):
    rates = {name: "0" for name in RATES if name != rate}
    trained = trainee(settings=RANDOM | rates)
    if rate != "lr_router":  # with a choice so sure, the router would learn nothing
        force(trained.learner, expert)
    before = snapshot(trained.learner)
    run(trained, 1)
    network = rate.removeprefix("lr_")
    expected = "gate" if network == "router" else f"{expert}.{network}"
    assert differing(before, snapshot(trained.learner)) == {expected}


@pytest.mark.parametrize("name", ["lambda_div", "lambda_in", "lambda_aux"])
def test_a_term_of_the_generator_reaches_the_chosen_generator_alone(trainee, name):
    lambdas = dict.fromkeys(("lambda_div", "lambda_in", "lambda_aux"), "0")
    after = []
    for value in ("0", "1000"):
        trained = trainee(settings=RANDOM | lambdas | {name: value, "batch": "24"})
        force(trained.learner, 1)
        run(trained, 1)
        after.append(snapshot(trained.learner))
    assert differing(*after) == {"1.generator"}


@pytest.mark.parametrize("name", ["lambda_util", "lambda_diff"])
def test_a_term_of_the_router_moves_the_router_alone(trainee, name):
    after = []
    for value in ("0", "1000"):
        trained = trainee(settings=RANDOM | {"lambda_util": "0", "lambda_diff": "0", name: value})
        run(trained, 1)
        after.append(snapshot(trained.learner))
    assert differing(*after) == {"gate"}


def test_the_adversarial_term_alone_trains_the_chosen_generator(trainee):
    lambdas = dict.fromkeys(("lambda_div", "lambda_in", "lambda_aux"), "0")
    rates = {"lr_discriminator": "0", "lr_regressor": "0", "lr_router": "0"}
    trained = trainee(settings=RANDOM | lambdas | rates)
    force(trained.learner, 0)
    before = snapshot(trained.learner)
    run(trained, 1)
    assert differing(before, snapshot(trained.learner)) == {"0.generator"}


@pytest.mark.parametrize("intensity", ["photons", "log"])
def test_each_loss_of_the_router_reaches_the_router_alone(trainee, monkeypatch, intensity):
    trained = trainee(model="expertsim-3", settings=RANDOM | {"diff_intensity": intensity})
    learner, reached = trained.learner, {}
    losses = learner.router_losses

    def spied(*args):
        terms = losses(*args)
        for term, loss in terms.items():
            reached[term] = set()
            for name, module in modules(learner).items():
                gradients = torch.autograd.grad(
                    loss, list(module.parameters()), retain_graph=True, allow_unused=True
                )
                if any(gradient is not None for gradient in gradients):
                    reached[term].add(name)
                    assert any(gradient.any() for gradient in gradients), term
        return terms

    monkeypatch.setattr(learner, "router_losses", spied)
    run(trained, 1)
    assert reached == {"routing": {"gate"}, "utilisation": {"gate"}, "differentiation": {"gate"}}


@pytest.mark.parametrize("switched_off", ["lambda_util", "lambda_diff"])
def test_weights_of_the_routers_losses(trainee, switched_off):
    weights = {"lambda_util": "0.5", "lambda_diff": "0.25"} | {switched_off: "0"}
    trained = trainee(settings=RANDOM | weights | {"diff_intensity": "photons"})
    found = trained.learner.step(trained.rows.batch(0), 0).losses
    names = {"lambda_util": "utilisation", "lambda_diff": "differentiation"}
    for weight, name in names.items():
        assert (found[name] == 0) == (weight == switched_off), name
    assert set(found) >= {"routing", "adversarial", "diversity", "intensity", "auxiliary", "discriminator"}


@pytest.mark.parametrize("intensity", ["photons", "log"])
def test_router_losses_by_hand(trainee, intensity):
    weights = {"lambda_diff": "0.5", "lambda_util": "2"}
    learner = trainee(settings=RANDOM | weights | {"diff_intensity": intensity}).learner
    logits = torch.tensor([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]]).log()
    gate, choice = torch.tensor([[1.0, 0], [0, 1], [1, 0]]), torch.tensor([0, 1, 0])
    judged, sums = torch.tensor([[4.0, 8.0], [1.0, 2.0]]), torch.tensor([100.0, 20.0, 60.0])
    weight = torch.tensor([2.0, 1.0, 1.0])
    found = learner.router_losses(weight, logits, gate, choice, judged, sums)
    assert found["routing"].item() == pytest.approx((5.0 + 1.75) / 2, rel=1e-5)  # of the first two rows
    share = 2.25 / 4  # (1.5 + 0.25 + 0.5) / 4
    expected = 2 * (share * math.log(share) + (1 - share) * math.log(1 - share))
    assert found["utilisation"].item() == pytest.approx(expected, rel=1e-5)
    f = sums
    if intensity == "log":
        f = torch.log1p(sums) / torch.log1p(sums).std()
    first, second = (2 * f[0] + f[2]) / 3, f[1]
    expected = -0.5 * (first - second).square().item()
    assert found["differentiation"].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("intensity", ["photons", "log"])
def test_rows_that_were_not_run_have_no_intensity(trainee, intensity):
    learner = trainee(settings=RANDOM | {"diff_intensity": intensity}).learner
    logits = torch.tensor([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.9, 0.1]]).log()
    gate = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    choice, sums = gate.argmax(1), torch.tensor([100.0, 20.0, 60.0, torch.nan])
    weight, judged = torch.tensor([0.5, 1.0, 1.0, 2.0]), torch.ones(2, 2)
    whole, part = (
        learner.router_losses(weight[:n], logits[:n], gate[:n], choice[:n], judged, sums[:n]) for n in (4, 3)
    )
    assert whole["differentiation"] == part["differentiation"] != 0
    sums[1] = torch.nan  # nothing of the second expert was run
    assert learner.router_losses(weight, logits, gate, choice, judged, sums)["differentiation"] == 0


def spy_on(learner, monkeypatch):
    """What each expert is given and gives back, by its number."""
    seen = {}

    def spied(number, step):
        def inner(batch, at):
            seen[number] = batch, step(batch, at)
            return seen[number][1]

        return inner

    for number, expert in enumerate(learner.experts):
        monkeypatch.setattr(expert, "step", spied(number, expert.step))
    return seen


def test_judging_changes_nothing_and_is_whole(trainee):
    trained = trainee(settings=RANDOM)
    expert, batch = trained.learner.experts[0], trained.rows.batch(0)
    before = snapshot(trained.learner)
    found = expert.judge(batch)
    assert found.shape == (len(batch),)
    assert differing(before, snapshot(trained.learner)) == set()
    assert not found.requires_grad
    assert all(module.training for module in expert._modules)
    again = expert.rng.get_state()
    whole = expert.judge(batch)
    expert.rng.set_state(again)
    terms = expert.generator_losses(batch, expert.fake(batch.conditions), len(batch))
    assert set(terms) == {"adversarial", "diversity", "intensity", "auxiliary"}
    torch.testing.assert_close(whole, sum(terms.values()).detach())


@pytest.mark.parametrize(("asked", "rows"), [("0", 48), ("7", 7), ("999", 48)])
def test_all_experts_are_judged_on_the_same_rows(trainee, monkeypatch, asked, rows):
    trained = trainee(model="expertsim-3", settings=RANDOM | {"route_rows": asked})
    given, batch = [], trained.rows.batch(0)
    for number, expert in enumerate(trained.learner.experts):
        monkeypatch.setattr(
            expert, "judge", lambda part, n=number: given.append(part) or torch.full((len(part),), float(n))
        )
    found = trained.learner.judged(batch)
    assert torch.equal(found, torch.arange(3.0).expand(rows, 3))
    assert all(torch.equal(part.index, batch.index[:rows]) for part in given)


def test_the_recorded_routing_loss_is_what_the_experts_cost(trainee, monkeypatch):
    trained = trainee(settings=RANDOM)
    monkeypatch.setattr(trained.learner, "judged", lambda batch: torch.full((len(batch), 2), 2.5))
    losses = trained.learner.step(trained.rows.batch(0), 0).losses
    assert losses["routing"].item() == pytest.approx(2.5)


@pytest.mark.parametrize("router", ["learned", "energy"])
def test_a_batch_is_parted_among_the_experts_and_put_together_again(trainee, monkeypatch, router):
    trained = trainee(model="expertsim-3", settings=RANDOM | {"router": router, "bright": "0"})
    seen, batch = spy_on(trained.learner, monkeypatch), trained.rows.batch(0)
    found = trained.learner.step(batch, 0)
    assert set(seen) == {0, 1, 2}
    assert sum(len(part) for part, _ in seen.values()) == len(batch)
    for part, step in seen.values():
        place = torch.isin(batch.index, part.index)
        assert torch.equal(part.conditions, batch.conditions[place])
        assert torch.equal(part.photons, batch.photons[place])
        assert torch.equal(found.sums[place], step.sums)
    assert not found.sums.isnan().any()
    for name in ("adversarial", "discriminator", "regressor"):
        mean = sum(len(part) / len(batch) * step.losses[name] for part, step in seen.values())
        torch.testing.assert_close(found.losses[name], mean)
    assert ("routing" in found.losses) == (router == "learned")


def test_a_fixed_rule_serves_each_row(trainee, monkeypatch):
    trained = trainee(settings=RANDOM | {"router": "energy"})
    seen, batch = spy_on(trained.learner, monkeypatch), trained.rows.batch(0)
    trained.learner.served = (torch.arange(400) % 3 == 0).long()
    trained.learner.step(batch, 0)
    for number, (part, _) in seen.items():
        assert ((part.index % 3 == 0) == bool(number)).all()


def test_an_expert_with_one_row_rests(trainee, monkeypatch):
    trained = trainee(settings=RANDOM | {"router": "energy", "bright": "0"})
    seen, batch = spy_on(trained.learner, monkeypatch), trained.rows.batch(0)
    trained.learner.served = torch.zeros(400, dtype=torch.long)
    trained.learner.served[batch.index[4]] = 1
    before = snapshot(trained.learner)
    found = trained.learner.step(batch, 0)
    assert set(seen) == {0}
    assert found.sums.isnan().nonzero().flatten().tolist() == [4]
    assert differing(before, snapshot(trained.learner)) == {f"0.{name}" for name in NETWORKS}


def test_weights_are_those_of_the_network(trainee):
    trained = trainee(model="expertsim-3", settings={"steps": "4", "shared": "0.5", "warmup": "0"})
    blank = MixtureSimulator.blank({"preset": "compact", "network": trained.network})
    for step in range(3):
        trained.learner.step(trained.rows.batch(step), step)
        weights = trained.learner.weights()
        assert weights.keys() == blank.state_dict().keys()
        alike = [
            torch.equal(weights[f"experts.0.{name}"], weights[f"experts.{number}.{name}"])
            for number in (1, 2)
            for name in trained.learner.experts[0].average
        ]
        assert all(alike) == (step < 2)
    for name, tensor in trained.learner.gate.state_dict().items():  # the average starts later
        assert torch.equal(weights[f"gate.{name}"], tensor)


def test_the_router_is_given_the_weights_of_the_rows(trainee, monkeypatch):
    trained = trainee(settings=RANDOM | {"bright": "0.5"})
    batch, losses, given = trained.rows.batch(0), trained.learner.router_losses, []
    monkeypatch.setattr(
        trained.learner, "router_losses", lambda weight, *more: given.append(weight) or losses(weight, *more)
    )
    trained.learner.step(batch, 0)
    assert torch.equal(given[0], batch.weight)
    assert batch.weight.std() > 0.1


def test_a_restored_mixture_has_the_same_weights(trainee):
    settings = {"steps": "4", "shared": "0.5", "warmup": "0"}
    trained, again = trainee(settings=settings), trainee(settings=settings, seed=4)
    run(trained, 3)
    again.learner.restore(trained.learner.state())
    found = again.learner.weights()
    for name, tensor in trained.learner.weights().items():
        assert torch.equal(found[name], tensor), name


def test_the_average_of_the_router_follows_slowly(trainee):
    trained = trainee(settings=RANDOM | {"ema": "0.9", "ema_late": "0.9", "ema_from": "1"})
    learner = trained.learner
    run(trained, 1)
    first = {name: tensor.clone() for name, tensor in learner.gate.state_dict().items()}
    learner.step(trained.rows.batch(1), 1)
    weights = learner.weights()
    for name, tensor in learner.gate.state_dict().items():
        assert not torch.equal(first[name], tensor)
        torch.testing.assert_close(weights[f"gate.{name}"], 0.9 * first[name] + 0.1 * tensor)
