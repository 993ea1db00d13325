"""``skillcore models``, from a folder of generated answers."""

import json

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
    assert main(["models", "evaluate", str(folder), "--json"]) == 0
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


def test_evaluate_prints_the_same_for_people(folder, capsys):
    assert main(["models", "evaluate", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "trained on  6000 answers by 150 learners to 60 items on 6 skills" in printed
    assert printed.count("600\n") == 10


def test_a_model_that_says_too_much_ends_with_1(folder, capsys):
    flipped = [row._replace(correct=1 - row.correct) for row in rows(2, first=1000)]
    written(folder / TEST_FILE, flipped)
    assert main(["models", "evaluate", str(folder)]) == 1
    assert "too far" in capsys.readouterr().out


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
