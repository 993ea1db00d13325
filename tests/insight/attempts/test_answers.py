"""Files of answers: what is read, in which order, and what is refused where."""

import pytest

from skillcore.insight.attempts.answers import UnreadableAnswers, read_answers
from tests.insight.attempts.generated import HEADING


def read(tmp_path, text):
    path = tmp_path / "answers.csv"
    path.write_text(text, encoding="utf-8")
    return read_answers(path)


def shown(answers):
    """Return learner, item, skills, time and outcome of each answer, by their names."""
    return [
        (
            int(answers.learners[place]),
            answers.item_names[answers.items[place]],
            tuple(answers.skill_names[skill] for skill in answers.skills[place]),
            float(answers.at[place]),
            int(answers.correct[place]),
        )
        for place in range(len(answers))
    ]


def test_rows_without_times_keep_their_order(tmp_path):
    found = read(tmp_path, HEADING + "7\tb\t0\t1\tx\n7\ta\t0\t0\tx\n3\ta\t0\t1\ty\n")
    assert shown(found) == [(0, "b", ("x",), 0, 1), (0, "a", ("x",), 0, 0), (1, "a", ("y",), 0, 1)]


def test_real_times_order_a_learner_s_rows_wherever_they_stand(tmp_path):
    found = read(tmp_path, HEADING + "7\tb\t30\t1\tx\n3\ta\t5\t1\ty\n7\ta\t10.5\t0\tx\n")
    assert shown(found) == [(0, "a", ("x",), 10.5, 0), (0, "b", ("x",), 30, 1), (1, "a", ("y",), 5, 1)]


def test_a_row_repeated_for_another_skill_is_one_answer(tmp_path):
    text = "7\ta\t5\t1\tx\n7\ta\t5\t1\ty\n7\ta\t5\t1\tz\n7\ta\t5\t1\tx\n7\ta\t5\t0\ty\n"
    assert shown(read(tmp_path, HEADING + text)) == [
        (0, "a", ("x", "y", "z"), 5, 1),
        (0, "a", ("x",), 5, 1),
        (0, "a", ("y",), 5, 0),
    ]


def test_a_row_may_name_several_skills_or_none(tmp_path):
    found = read(tmp_path, HEADING + "7\ta\t0\t1\tx~~y~~x\n7\tb\t0\t1\t\n7\tc\t0\t1.0\tnan\n")
    assert [row[2] for row in shown(found)] == [("x", "y"), (), ()]


def test_columns_may_stand_in_any_order_beside_others(tmp_path):
    found = read(tmp_path, "skill_id\thints\tcorrect\ttimestamp\titem_id\tuser_id\nx\t3\t1\t0\ta\t7\n\n")
    assert shown(found) == [(0, "a", ("x",), 0, 1)]


def test_ids_of_digits_are_the_same_with_a_fraction_of_nothing(tmp_path):
    """A column of numbers with one gap in it is written with fractions, and in the other file without."""
    found = read(
        tmp_path, HEADING + "7.0\t12.0\t0\t1\t41.0\n7\t12\t1\t0\t41~~42.0\n7\t1.10\t2\t0\tv1.0\n7\t1.0.0\t3\t0\t1.05\n"
    )
    assert shown(found) == [
        (0, "12", ("41",), 0, 1),
        (0, "12", ("41", "42"), 1, 0),
        (0, "1.10", ("v1.0",), 2, 0),
        (0, "1.0.0", ("1.05",), 3, 0),
    ]
    assert found.learner_names == ["7"]


def test_space_around_cells_means_nothing(tmp_path):
    found = read(tmp_path, " user_id\titem_id \ttimestamp\tcorrect\tskill_id\n7 \t a\t 0\t1 \tx ~~ y\n7\ta \t1\t 0\t x\n")
    assert shown(found) == [(0, "a", ("x", "y"), 0, 1), (0, "a", ("x",), 1, 0)]


@pytest.mark.parametrize(
    "nothing",
    ["", " ", "nan", "NaN", "NA", "N/A", "n/a", "#N/A", "<NA>", "None", "none", "NULL", "null", " None ", "nan~~None"],
)
def test_what_programs_write_for_nothing_is_no_skill(tmp_path, nothing):
    assert shown(read(tmp_path, f"{HEADING}7\ta\t0\t1\t{nothing}\n")) == [(0, "a", (), 0, 1)]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("True", 1), ("TRUE", 1), ("true", 1), ("False", 0), ("FALSE", 0), ("false", 0), ("1.0", 1), ("0.0", 0), (" 1 ", 1)],
)
def test_right_and_wrong_have_several_spellings(tmp_path, text, outcome):
    assert shown(read(tmp_path, f"{HEADING}7\ta\t0\t{text}\tx\n")) == [(0, "a", ("x",), 0, outcome)]


@pytest.mark.parametrize("change", ["crlf", "mark", "blank lines", "quotes"])
def test_files_of_other_programs_say_the_same(tmp_path, change):
    text = HEADING + "7\tb\t0\t1\tx~~y\n7\ta\t1\t0\tx\n"
    changed = {
        "crlf": text.replace("\n", "\r\n"),
        "mark": "\ufeff" + text,
        "blank lines": text.replace("\n", "\n\n") + " \n",
        "quotes": '"' + text.rstrip("\n").replace("\t", '"\t"').replace("\n", '"\n"') + '"\n',
    }[change]
    (tmp_path / "answers.csv").write_bytes(changed.encode())
    assert shown(read_answers(tmp_path / "answers.csv")) == [(0, "b", ("x", "y"), 0, 1), (0, "a", ("x",), 1, 0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: there is no column 'user_id'"),
        ("user_id,item_id,timestamp,correct,skill_id\n", "with tabs between them"),
        (HEADING.replace("correct", "right"), "line 1: there is no column 'correct'"),
        (HEADING, "it holds no answers"),
        (HEADING + "\n\n", "it holds no answers"),
        (HEADING + '"7\ta\t0\t1\tx\n7\ta\t0\t1\tx\n', "line 3: a quote that opens here or before"),
        (HEADING + "7\ta\t0\t1\tx\n7\ta\t0\t2\tx\n", "line 3: column 'correct': found '2'; allowed: 0 or 1, or true or false"),
        (HEADING + "7\ta\t0\t0.5\tx\n", "line 2: column 'correct': found '0.5'"),
        (HEADING + "7\ta\t0\t\tx\n", "line 2: column 'correct': found ''"),
        (HEADING + "7\ta\t0\tnan\tx\n", "line 2: column 'correct': found 'nan'"),
        (HEADING + "7\ta\tnow\t1\tx\n", "line 2: column 'timestamp': found 'now'"),
        (HEADING + "7\ta\tinf\t1\tx\n", "line 2: column 'timestamp': found 'inf'"),
        (HEADING + "\ta\t0\t1\tx\n", "line 2: column 'user_id': found ''"),
        (HEADING + "7\t \t0\t1\tx\n", "line 2: column 'item_id': found ''"),
        (HEADING + "7\ta\t0\t1\n", "line 2: found 4 columns; line 1 names 5"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_column(tmp_path, text, said):
    with pytest.raises(UnreadableAnswers) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert str(tmp_path / "answers.csv") in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(UnreadableAnswers, match="No such file"):
        read_answers(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(HEADING.encode() + b"\xff\xfe\n")
    with pytest.raises(UnreadableAnswers, match="not UTF-8"):
        read_answers(tmp_path / "bytes.csv")
