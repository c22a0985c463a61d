"""What is true of every tracking number and of every text, checked with thousands of generated ones."""

import re
import string
from urllib.parse import quote, quote_plus

from hypothesis import assume, example, given
from hypothesis import strategies as st

from tracking.values.numbers import (
    TrackingNumber,
    check_digit,
    clean,
    diagnose,
    explain_shape,
    find_numbers,
    has_valid_check_digit,
    spaced,
    suggestions,
)
from tracking.values.redaction import redact

CANONICAL = re.compile("[A-Z]{2}[0-9]{9}[A-Z]{2}")
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202c\u200e\ufe0f"

pairs = st.text(string.ascii_uppercase, min_size=2, max_size=2)
serials = st.text(string.digits, min_size=8, max_size=8)
shaped = st.builds("{}{}{}{}".format, pairs, serials, st.sampled_from(string.digits), pairs)


@st.composite
def numbers(draw):
    """A number with a correct check digit."""
    serial = draw(serials)
    return TrackingNumber(f"{draw(pairs)}{serial}{check_digit(serial)}{draw(pairs)}")


@st.composite
def gapped(draw, number):
    """The number in groups, with gaps of one or more kinds between them."""
    gaps = st.text(" \u00a0\u3000" + DASHES, min_size=0, max_size=2)
    groups = [number[:2], *re.findall("[0-9]{3}", number), number[11:]]
    return "".join(group + draw(gaps) for group in groups).rstrip(" \u00a0\u3000" + DASHES)


@st.composite
def with_invisible(draw, text):
    """The text with invisible characters added."""
    return "".join(character + draw(st.sampled_from(["", *INVISIBLE])) for character in text)


@st.composite
def decorated(draw, number):
    """The number as people may write it: with gaps, in lower case, full width or with invisible characters."""
    text = draw(st.one_of(st.just(number), st.just(spaced(number)), gapped(number)))
    text = draw(st.sampled_from([text, text.lower(), text.title(), text.translate(FULL_WIDTH)]))
    return draw(st.one_of(st.just(text), with_invisible(text)))


@st.composite
def numbers_and_decorations(draw):
    """A number, and the same number as people may write it."""
    number = draw(numbers())
    return number, draw(decorated(number))


sentences = st.sampled_from(
    [
        "{}",
        "  {}\n",
        "({}).",
        "„{}“,",
        "{}!?",
        "Tracking number: {}",
        "Dear customer, your parcel {} has left Osaka. Thank you!",
        "追跡番号は{}です。",
        "1) {}; 2) soon",
        "<{}>",
    ]
)
addresses = st.sampled_from(
    [
        "https://trackings.post.japanpost.jp/services/srv/search/direct?reqCodeNo1={}&locale=en",
        "https://t.17track.net/en#nums={}",
        "https://shop.example/track/{}/",
        "/track/?number={}&to=DE",
    ]
)


@given(numbers_and_decorations(), sentences)
def test_a_number_is_found_in_decorated_text(pair, sentence):
    number, text = pair
    assert find_numbers(sentence.format(text)) == [number]


@given(numbers_and_decorations(), addresses, st.sampled_from([str, quote, quote_plus]))
def test_a_number_is_found_in_a_url(pair, address, encode):
    number, text = pair
    assert find_numbers(address.format(encode(text))) == [number]


def quoted_twice(text):
    return quote(quote(text, safe=""), safe="")


@given(numbers_and_decorations(), addresses, st.sampled_from([str, quote, quote_plus, quoted_twice]))
def test_a_number_in_a_url_is_redacted_in_the_log(pair, address, encode):
    number, text = pair
    line = f'"GET {address.format(encode(text))} HTTP/1.1" 200'
    assert find_numbers(line) == [number]
    logged = redact(line)
    assert find_numbers(logged) == [] and number[2:11] not in logged
    assert f"…{number[7:11]}" in logged


@given(numbers_and_decorations(), addresses)
def test_a_number_in_a_quoted_url_is_redacted_in_the_log(pair, address):
    number, text = pair
    logged = redact(f"GET /track/?number={quote(address.format(text), safe='')} HTTP/1.1")
    assert find_numbers(logged) == [] and f"…{number[7:11]}" in logged


@given(st.text(max_size=300))
def test_a_line_without_nine_digits_is_logged_as_it_is(text):
    assume(sum(character.isdecimal() for character in text) < 9)
    assert redact(text) == text


@given(numbers(), addresses)
def test_a_number_is_found_in_an_encoded_url(number, address):
    assert find_numbers(quote(address.format(number), safe="")) == [number]


@given(
    st.lists(numbers(), min_size=1, max_size=10, unique=True), st.sampled_from([",", "\n", " ", "; ", "、"])
)
def test_every_number_of_a_list_is_found(listed, separator):
    assert find_numbers(separator.join(listed)) == listed
    assert find_numbers(separator.join(listed).lower()) == listed


@given(numbers(), st.integers(2, 10), st.sampled_from(string.digits))
def test_one_wrong_digit_is_noticed_unless_both_have_check_digit_five(number, position, digit):
    """In S10, two remainders have the check digit 5: 0 (11 becomes 5) and 6. Only a change between these two passes."""
    assume(digit != number[position])
    changed = TrackingNumber(number[:position] + digit + number[position + 1 :])
    if has_valid_check_digit(changed):
        assert position < 10
        assert number[10] == "5"
        assert {_remainder(number), _remainder(changed)} == {0, 6}


def test_one_wrong_digit_can_pass_as_valid():
    assert has_valid_check_digit(TrackingNumber("EM000000005JP"))
    assert has_valid_check_digit(TrackingNumber("EM000300005JP"))  # 3 at weight 2: remainder 6


@given(shaped)
def test_suggestions_are_valid_few_and_different(number):
    offered = suggestions(TrackingNumber(number))
    assert len(offered) <= 3
    assert len(set(offered)) == len(offered)
    assert number not in offered
    assert all(CANONICAL.fullmatch(one) and has_valid_check_digit(one) for one in offered)
    assert bool(offered) != has_valid_check_digit(TrackingNumber(number))


@given(numbers(), st.sampled_from(string.digits))
def test_the_first_suggestion_corrects_a_wrong_check_digit(number, digit):
    assume(digit != number[10])
    assert suggestions(TrackingNumber(number[:10] + digit + number[11:]))[0] == number


near_numbers = st.text("EMJPemjp0123456789 -+%25ー１２\u200b.,;", max_size=200)
any_text = st.one_of(
    st.text(max_size=300),
    st.text(st.characters(), max_size=300),  # lone surrogates too
    near_numbers,
    st.from_regex("[a-zA-Z]{2}[ -]?([0-9OIL][ -]?){7,11}[a-zA-Z]{2}"),
)


@given(any_text)
@example("\ud800EM123456785JP")
@example("%ED%A0%80")
def test_any_text_is_read_without_an_error(text):
    found = find_numbers(text)
    assert all(CANONICAL.fullmatch(number) for number in found)
    assert len(set(found)) == len(found)
    diagnose(text)
    shape = explain_shape(text)
    assert shape.repaired is None or has_valid_check_digit(shape.repaired)


@given(any_text)
def test_clean_text_has_no_lower_case_gaps_or_invisible_characters(text):
    cleaned = clean(text)
    assert not re.search(r"[a-z\u0660-\u0669\uff10-\uff19\u2010-\u2015\u200b]|\s{2}|^\s|\s$", cleaned)


def _remainder(number: str) -> int:
    return sum(int(d) * w for d, w in zip(number[2:10], (8, 6, 4, 2, 3, 5, 9, 7), strict=True)) % 11
