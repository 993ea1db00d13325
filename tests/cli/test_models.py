"""``skillcore models``, from a folder of generated answers."""

import json
import re

import pytest

from skillcore.cli import main
from skillcore.defaults.attempts.model import read_model
from skillcore.insight.attempts.answers import TEST_FILE, TRAIN_FILE
from tests.insight.attempts.generated import HEADING, rows, written


@pytest.fixture
def folder(tmp_path):
    written(tmp_path / TRAIN_FILE, rows(1))
    written(tmp_path / TEST_FILE, rows(2, first=1000))
    return tmp_path


def test_evaluate_prints_its_figures_as_json_and_its_progress_apart(folder, capsys):
    assert main(["models", "evaluate", str(folder), "--strict", "--json"]) == 0
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert 0.7 < said["auc"] < 0.85
    assert said["shipped"]["auc"] < said["auc"]
    assert said["rmse"] < 0.46
    assert said["calibrated"] is True
    assert len(said["calibration"]) == 10
    assert sum(tenth["answers"] for tenth in said["calibration"]) == said["answers"] == 6000
    assert said["trained_on"] == {"answers": 6000, "learners": 150, "items": 60, "skills": 6}
    assert "variance of items" in printed.err
    assert (said["learners"], said["shared_learners"]) == (150, 0)
    assert (said["least_learners"], said["named"]) == (1, {"items": 60, "skills": 6})
    assert "not calibrated" not in printed.err


def test_evaluate_prints_the_same_for_people(folder, capsys):
    assert main(["models", "evaluate", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "trained on  6000 answers by 150 learners to 60 items on 6 skills" in printed
    assert "judged on   6000 answers by 150 learners, in " in printed
    assert "in both     0 learners" in printed
    assert "names 60 of 60 items and 6 of 6 skills: those that one learner tried at least" in printed
    assert printed.count("600\n") == 10


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)])
@pytest.mark.parametrize("json_too", [False, True])
def test_a_model_that_says_too_much_is_told_plainly_and_ends_with_1_if_that_is_asked_for(
    folder, capsys, strict, code, json_too
):
    written(folder / TRAIN_FILE, rows(1, learners=30))
    # The first hundred are always wrong, whatever was said of them.
    written(folder / TEST_FILE, [row._replace(correct=0.0) for row in rows(2, learners=5, each=20, first=1000)])
    assert main(["models", "evaluate", str(folder), *strict, *(["--json"] if json_too else [])]) == code
    printed = capsys.readouterr()
    told = [line for line in printed.err.splitlines() if line.startswith("not calibrated: ")]
    assert re.fullmatch(
        r"not calibrated: tenth 10 of the predictions said 0\.\d{3}, 0\.000 happened, and they may lie 0\.\d{3} apart", told[-1]
    )
    if json_too:
        said = json.loads(printed.out)
        assert said["calibrated"] is False
        assert len(told) == sum(not tenth["holds"] for tenth in said["calibration"])
    else:
        assert printed.out.count("too far") == len(told)


@pytest.mark.parametrize("least", [[], ["--least-learners", "12"]])
def test_what_is_judged_is_what_is_written(folder, capsys, least):
    written(folder / TRAIN_FILE, rows(1, learners=40, each=20))
    written(folder / TEST_FILE, rows(2, learners=5, first=1000))
    assert main(["models", "evaluate", str(folder), "--json", *least]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert main(["models", "train", str(folder), "--out", str(folder / "model.json"), *least]) == 0
    model = read_model(folder / "model.json")
    assert judged["model"] == model.digest()
    assert judged["named"]["items"] == len(model.items)
    tried = {row.item: set() for row in rows(1, learners=40, each=20)}
    for row in rows(1, learners=40, each=20):
        tried[row.item].add(row.learner)
    assert set(model.items) == {item for item, learners in tried.items() if len(learners) >= (12 if least else 1)}


def test_learners_in_both_files_go_on_from_what_they_answered_before(folder, capsys):
    found = rows(1, learners=60)
    written(folder / TRAIN_FILE, [row for row in found if row.at < 1200])
    written(folder / TEST_FILE, [row for row in found if row.at >= 1200])
    assert main(["models", "evaluate", str(folder), "--json"]) == 0
    going_on = json.loads(capsys.readouterr().out)
    assert (going_on["learners"], going_on["shared_learners"]) == (60, 60)
    written(folder / TEST_FILE, [row._replace(learner=f"new {row.learner}") for row in found if row.at >= 1200])
    assert main(["models", "evaluate", str(folder), "--json"]) == 0
    strangers = json.loads(capsys.readouterr().out)
    assert strangers["shared_learners"] == 0
    assert going_on["model"] == strangers["model"]
    assert going_on["auc"] > strangers["auc"] + 0.01
    assert going_on["shipped"]["auc"] > strangers["shipped"]["auc"]


def test_train_writes_a_model_that_names_only_what_enough_tried(folder, capsys):
    out = folder / "model.json"
    assert main(["models", "train", str(folder), "--out", str(out), "--least-learners", "2"]) == 0
    model = read_model(out)
    assert len(model.items) == 60
    assert model.least_learners == 2
    assert model.digest() in capsys.readouterr().out
    assert not any("u1" in name for name in (*model.items, *model.skills))
    assert main(["models", "train", str(folder), "--out", str(out), "--generic"]) == 0
    assert read_model(out).items == {}


def test_train_writes_model_json_where_it_is_run_and_replaces_a_model_but_nothing_else(
    folder, tmp_path_factory, monkeypatch, capsys
):
    written(folder / TRAIN_FILE, rows(1, learners=20))
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    assert main(["models", "train", str(folder)]) == 0
    assert f"{here / 'model.json'}: model {read_model(here / 'model.json').digest()}" in capsys.readouterr().out
    assert main(["models", "train", str(folder), "--generic"]) == 0
    assert read_model(here / "model.json").items == {}
    assert "names no item and no skill" in capsys.readouterr().out
    (here / "model.json").write_text('{"layers": 3}', encoding="utf-8")
    assert main(["models", "train", str(folder)]) == 2
    assert f"{here / 'model.json'} holds no model of this version" in capsys.readouterr().err
    assert (here / "model.json").read_text(encoding="utf-8") == '{"layers": 3}'
    # Who names a file means it.
    assert main(["models", "train", str(folder), "--out", "model.json"]) == 0
    assert read_model(here / "model.json").items


def test_training_gives_the_same_file_again(folder):
    for name in ("one.json", "two.json"):
        assert main(["models", "train", str(folder), "--out", str(folder / name)]) == 0
    assert (folder / "one.json").read_bytes() == (folder / "two.json").read_bytes()


@pytest.mark.parametrize("command", [["evaluate"], ["train", "--out", "model.json"]])
def test_a_folder_without_answers_ends_with_2(tmp_path, capsys, command):
    assert main(["models", command[0], str(tmp_path), *command[1:]]) == 2
    assert TRAIN_FILE in capsys.readouterr().err


def test_bad_answers_end_with_2_and_name_the_place(folder, capsys):
    (folder / TEST_FILE).write_text(f"{HEADING}1\ta\t0\tyes\tx\n", encoding="utf-8")
    assert main(["models", "evaluate", str(folder)]) == 2
    assert f"{TEST_FILE}, line 2: column 'correct': found 'yes'; allowed: 0 or 1" in capsys.readouterr().err


def test_too_few_answers_and_unwritable_files_end_with_2(folder, capsys):
    assert main(["models", "train", str(folder), "--out", str(folder / "none" / "model.json")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    written(folder / TRAIN_FILE, rows(1, learners=2))
    assert main(["models", "train", str(folder), "--out", str(folder / "model.json")]) == 2
    assert "100 are needed" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["somewhere", "--ledger"]])
def test_train_wants_a_folder_or_the_ledger(tmp_path, capsys, arguments):
    assert main(["models", "train", *arguments, "--out", str(tmp_path / "model.json")]) == 2
    assert "--ledger" in capsys.readouterr().err
