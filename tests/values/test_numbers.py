"""Tracking numbers: which numbers are found in the texts that people paste, and what is wrong with the others."""

import re

import pytest

from tracking.values.numbers import (
    MOST_AT_ONCE,
    Problem,
    Shape,
    TrackingNumber,
    check_digit,
    clean,
    country,
    diagnose,
    explain_shape,
    find_numbers,
    has_valid_check_digit,
    spaced,
    suggestions,
)

GOOD = TrackingNumber("EM123456785JP")
SAMPLE = TrackingNumber("EM123456789JP")  # the usual example number; its check digit is wrong
JAPAN_POST = "https://trackings.post.japanpost.jp/services/srv/search/direct"


@pytest.mark.parametrize("number", ["EM123456785JP", "EN123456785JP", "CN000000005JP", "RB123456785GB"])
def test_a_correct_check_digit_is_valid(number):
    assert has_valid_check_digit(TrackingNumber(number))


def test_the_well_known_sample_number_is_invalid():
    assert not has_valid_check_digit(SAMPLE)


@pytest.mark.parametrize(
    ("serial", "digit"),
    [
        ("12345678", 5),
        ("00000000", 5),  # 11 becomes 5
        ("00000005", 9),
        ("10000001", 7),
        ("00000008", 0),  # 10 becomes 0: 56 leaves 1
        ("47312482", 9),
    ],
)
def test_check_digits_follow_s10(serial, digit):
    assert check_digit(serial) == digit


@pytest.mark.parametrize("serial", ["", "1234567", "123456789", "1234567x"])
def test_a_check_digit_needs_eight_digits(serial):
    with pytest.raises(ValueError):
        check_digit(serial)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  em123456785jp\n", "EM123456785JP"),
        ("EM\t123\u00a0456\u3000785  JP", "EM 123 456 785 JP"),
        ("ＥＭ１２３４５６７８５ＪＰ", "EM123456785JP"),
        ("EM\u200b123\u2060456\ufeff785\u00adJP\ufe0f", "EM123456785JP"),
        ("\u202aEM123456785JP\u202c\u200f", "EM123456785JP"),
        ("EM123456785JP\x00", "EM123456785JP"),
        ("EM١٢٣٤٥٦٧٨٥JP", "EM123456785JP"),
        ("EM-1\u20102\u20113\u20124\u20135\u20146\u20157\u22128\u30fc5\uff0dJP", "EM-1-2-3-4-5-6-7-8-5-JP"),
        ("Straße", "STRAßE"),
        ("", ""),
    ],
)
def test_cleaning_makes_texts_comparable(text, cleaned):
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "EM123456785JP",
        "em123456785jp",
        "EM 123 456 785 JP",
        "em 123 456 785 jp",
        "EM 123456785 JP",
        "EM 1234 5678 5JP",
        "EM-123-456-785-JP",
        "EM\u2011123\u2011456\u2011785\u2011JP",
        "EM\u2212123\u2212456\u2212785\u2212JP",
        "EMー123ー456ー785ーJP",
        "EM－123－456－785－JP",
        "EM - 123 456 785 - JP",
        "ＥＭ１２３４５６７８５ＪＰ",
        "EM\u200b123456785JP",
        "EM123456785JP.",
        "(EM123456785JP),",
        "«EM123456785JP»",
        "#EM123456785JP!",
        "追跡番号EM123456785JPです",
        "追跡番号：ＥＭ１２３　４５６　７８５ＪＰ。",
        "label_EM123456785JP_1.pdf",
        f"{JAPAN_POST}?reqCodeNo1=EM123456785JP&locale=en",
        f"{JAPAN_POST}?searchKind=S004&locale=ja&reqCodeNo1=em123456785jp&x=12&y=9",
        "https://t.17track.net/en#nums=EM123456785JP",
        "/track/EM123456785JP.json",
        "?number=EM+123+456+785+JP",
        "EM%20123%20456%20785%20JP",
        "%EF%BC%A5%EF%BC%AD123456785JP",
        "https://mail.example/?url=https%3A%2F%2Ft.17track.net%2Fen%23nums%3DEM123456785JP%26x%3D1",
        "https://mail.example/?url=a%253Dhttp%253A%252F%252Fx%253DEM123456785JP%2526y",
        "Your order has shipped! Its tracking number is EM 123 456 785 JP, and it left today.",
        "hello, where is em 123456785 jp please",
    ],
)
def test_a_number_is_found_in_what_people_paste(text):
    assert find_numbers(text) == [GOOD]
    assert diagnose(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "XEM123456785JPX",
        "1EM123456785JP",
        "EM123456785JP1",
        "EM12345678JP",
        "EM1234567850JP",
        "E1123456785JP",
        "123456785",
        "my order no 123456789 in the shop",
        "call 123 456 789 or write",
    ],
)
def test_other_text_is_not_found_as_a_number(text):
    assert find_numbers(text) == []


@pytest.mark.parametrize(
    "between", [",", "\n", "\r\n", " ", ";", ", ", " / ", "|", "、", "\t", "-", "&nums="]
)
def test_several_numbers_are_all_found_in_order(between):
    numbers = ["RB123456785GB", "EM123456785JP", "EN123456789JP"]
    assert find_numbers(between.join(numbers)) == numbers


def test_several_spaced_numbers_are_all_found():
    text = "EM 123 456 785 JP EN 123 456 785 JP\nCN-000-000-005-JP, em123456785jp"
    assert find_numbers(text) == ["EM123456785JP", "EN123456785JP", "CN000000005JP"]
    assert find_numbers("EM123456785JP and en 123 456 785 jp") == ["EM123456785JP", "EN123456785JP"]
    assert find_numbers("EM123456785JP and RB 123 456 785 GB") == ["EM123456785JP", "RB123456785GB"]


def test_a_mistyped_number_in_a_list_is_not_lost():
    text = "EM123456785JP, EN 123 456 789 JP"
    assert find_numbers(text) == ["EM123456785JP", "EN123456789JP"]
    assert find_numbers("EM 123 456 789 JP, EN 123 456 789 JP") == ["EM123456789JP", "EN123456789JP"]


def test_a_repeated_number_is_found_once():
    assert find_numbers("EM123456785JP em123456785jp EM 123 456 785 JP") == [GOOD]


@pytest.mark.parametrize(
    "sentence",
    [
        "your order no 123456789 in the shop: EM123456785JP",
        "your order no 123456785 in the shop: EM123456785JP",
        "YOUR ORDER NO 123456789 IN THE SHOP: EM123456785JP",
        "your order no 123456789 in the shop: EM 123 456 785 JP",
        "no 123456789 em 123456785 jp",
        "EM123456785JP (phone: 123 456 789, or at 123 456 789 us)",
    ],
)
def test_words_around_nine_digits_form_no_second_number(sentence):
    assert find_numbers(sentence) == [GOOD]


@pytest.mark.parametrize(
    "junk",
    [
        "EM 1" * 25_000,
        "A" * 100_000,
        "E" + " " * 100_000,
        "EM123456785JP" * 8_000,
        "EM" + "- " * 50_000,
        "%25" * 33_000,
        "\ufdfa" * 100_000,
        "e" + "\u0301\u0316" * 50_000,
    ],
)
def test_long_junk_reads_like_its_first_2000_characters(junk):
    """A pattern that takes exponential time exceeds the time limit of the test. `make bench` measures the time."""
    for read in (find_numbers, diagnose, explain_shape, clean):
        assert read(junk) == read(junk[:2000])


def test_only_the_beginning_of_a_long_text_is_read():
    assert find_numbers("x " * 900 + "EM123456785JP") == [GOOD]
    assert find_numbers("x " * 1_100 + "EM123456785JP") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.EMPTY),
        (" \u3000\u200b\n", Problem.EMPTY),
        ("hello", Problem.WRONG_SHAPE),
        ("EM12345678JP", Problem.WRONG_SHAPE),
        ("EM12345678OJP", Problem.WRONG_SHAPE),
        ("1234567890", Problem.WRONG_SHAPE),
        ("EM123456789JP", Problem.CHECK_DIGIT),
        ("em 123 456 789 jp", Problem.CHECK_DIGIT),
        ("em 123456789 jp.", Problem.CHECK_DIGIT),
        ("Tracking: EM 123456789 JP", Problem.CHECK_DIGIT),
        ("UA123456785JP", Problem.UNTRACKED),
        ("UA123456789JP", Problem.UNTRACKED),
        ("12345678901", Problem.DOMESTIC),
        ("1234-5678-9012", Problem.DOMESTIC),
        ("１２３４　５６７８　９０１２３", Problem.DOMESTIC),
        ("12345678901234", Problem.WRONG_SHAPE),
        ("EM123456785JP", None),
        ("EM123456785JP EN123456789JP", None),
    ],
)
def test_diagnose_names_the_problem(text, problem):
    assert diagnose(text) == problem


def test_more_than_ten_numbers_are_too_many():
    def many(count):
        return ",".join(f"EM{n:08}{check_digit(f'{n:08}')}JP" for n in range(count))

    assert diagnose(many(MOST_AT_ONCE)) is None
    assert diagnose(many(MOST_AT_ONCE + 1)) == Problem.TOO_MANY


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("EM12345678JP", Shape(digits=8, repaired=None)),
        ("EM 123 456 7850 JP", Shape(digits=10, repaired=None)),
        ("CNOOOOOOOO5JP", Shape(digits=1, repaired=TrackingNumber("CN000000005JP"))),
        ("EM I23 456 785 JP.", Shape(digits=8, repaired=GOOD)),
        ("eml23456785jp", Shape(digits=8, repaired=GOOD)),
        ("EM12345678OJP", Shape(digits=8, repaired=None)),  # its check digit would be wrong
        ("EM12345678IL", Shape(digits=8, repaired=None)),  # IL is Israel, not a misread 11
        ("hello", Shape(digits=None, repaired=None)),
        ("EM123456785JP", Shape(digits=None, repaired=None)),
        ("", Shape(digits=None, repaired=None)),
    ],
)
def test_a_wrong_shape_is_explained(text, shape):
    assert explain_shape(text) == shape


def test_the_right_check_digit_is_suggested_first():
    assert suggestions(SAMPLE)[0] == GOOD


def test_swapped_neighbouring_digits_are_suggested():
    assert GOOD in suggestions(TrackingNumber("EM123546785JP"))
    assert "EM000000014JP" in suggestions(TrackingNumber("EM000000041JP"))  # its check digit is swapped


def test_at_most_three_numbers_are_suggested():
    # Four pairs of neighbouring digits could have been swapped.
    assert len(suggestions(TrackingNumber("EM123456758JP"))) == 3


def test_nothing_is_suggested_for_a_valid_number():
    assert suggestions(GOOD) == []


def test_a_number_is_shown_as_japan_post_prints_it():
    assert spaced(GOOD) == "EM 123 456 785 JP"
    assert find_numbers(spaced(GOOD)) == [GOOD]


def test_the_country_is_the_suffix():
    assert country(TrackingNumber("RB123456785GB")) == "GB"


def test_problem_names_are_valid_in_a_url():
    assert all(re.fullmatch("[a-z-]+", problem) for problem in Problem)
