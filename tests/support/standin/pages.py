"""Pages in the structure of Japan Post's tracking site: same tables, attributes and white space, other words around.

English and Japanese pages differ in titles, headers and dates; phrases are printed as the records have them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tracking.japanpost.records import TrackedEvent, TrackedItem

NOT_FOUND = "not-found"
DIGITS = "digits"

Problem = tuple[str, str]  # the number as it was typed, and NOT_FOUND or DIGITS


@dataclass(frozen=True)
class _Words:
    detail_title: str
    detail_heading: str
    status_heading: str
    history_heading: str
    contact_heading: str
    item_headers: tuple[str, str, str]
    event_headers: tuple[str, str, str, str, str]
    postal_code: str
    contact_headers: tuple[str, str, str]
    acceptance: str
    list_title: str
    list_heading: str
    list_count: str
    list_headers: tuple[str, str, str, str, str, str]
    list_postal_code: str
    date_format: str
    problems: dict[str, str]


_WORDS = {
    "en": _Words(
        detail_title="Detailed Search Results - Japan Post",
        detail_heading="Details of search result<br>\n            [International]",
        status_heading="Delivery Status Details",
        history_heading="History information",
        contact_heading="Office contact information",
        item_headers=("Item number", "Class of goods", "Additional services"),
        event_headers=(
            "State occurrence date<br>（In local time if occurred overseas）",
            "Shipping track record",
            "Details",
            "Office",
            "Prefecture / Country",
        ),
        postal_code="ZIP code（Postal code number）",
        contact_headers=("Case class", "Office", "Phone number"),
        acceptance="Acceptance",
        list_title="Individual Search Results - Japan Post",
        list_heading="Individual number search results",
        list_count="Reference results for {} postal items",
        list_headers=(
            "Item number",
            "Class of goods",
            "Latest date",
            "Latest status",
            "Latest handling office",
            "Prefecture",
        ),
        list_postal_code="ZIP code",
        date_format="%m/%d/%Y",
        problems={
            NOT_FOUND: "** Your item was not found. Confirm your item number and ask at your local office.",
            DIGITS: "** There is a mistake in the number of digits for the item number. "
            "The number should be 11-13 digits.",
        },
    ),
    "ja": _Words(
        detail_title="検索結果詳細 - 日本郵便",
        detail_heading="検索結果詳細<br>\n            [国際郵便]",
        status_heading="配達状況詳細",
        history_heading="履歴情報",
        contact_heading="お問い合わせ窓口局",
        item_headers=("お問い合わせ番号", "商品種別", "付加サービス"),
        event_headers=(
            "状態発生日<br>（海外で発生した場合は現地時間）",
            "配送履歴",
            "詳細",
            "取扱局",
            "県名・国名",
        ),
        postal_code="郵便番号",
        contact_headers=("取扱", "郵便局", "電話番号"),
        acceptance="引受",
        list_title="個別番号検索結果 - 日本郵便",
        list_heading="個別番号検索結果",
        list_count="{}件の郵便物等の照会結果",
        list_headers=("お問い合わせ番号", "商品種別", "最新年月日", "最新状態", "最新取扱局", "県名"),
        list_postal_code="郵便番号",
        date_format="%Y/%m/%d",
        problems={
            NOT_FOUND: "＊＊ お問い合わせ番号が見つかりません。"
            "お問い合わせ番号をご確認の上、お近くの取扱店にお問い合わせください。",
            DIGITS: "＊＊ お問い合わせ番号の入力桁数に誤りがあります。11桁から13桁で入力してください。",
        },
    ),
}

_DOCUMENT = """\








<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<html lang="ja">
<head>
<title>{title}</title>
<meta http-equiv="Content-Type" content="text/html;charset=UTF-8" />
<meta http-equiv="Pragma" content="no-cache" />
<meta name="robots" content="noindex,nofollow,noarchive" />

<link rel="stylesheet" type="text/css" href="/services/css/standin.css" />
<script type="text/javascript" charset="UTF-8" src="/services/js/standin.js"></script>
</head>

<body>
<div id ="wrap">
<p class="blockskip"><a href="#content">本文へ</a></p>





<div id="header" class="clearfix">
    <p id="logo"><a href="/"><img src="/services/img/standin.gif" alt="Stand-in for Japan Post" /></a></p>
    <div id="search_area">
        <form action="/search.cgi" method="POST" name="tr0" onSubmit="return true;">
        <Input Type="hidden" name="SentencePerPage" value="10">
        <input type="text" value="" size="40" name="Keywords" id="Keywords">
        </form>
    </div>
</div>


<div id="con_wrap_no_rnav" class="clearfix">




<div id="content">



    <form name="srv_searchActionForm" method="post" action="/services/srv/search/">
        <input type="submit" name="pathDelegate" value="Submit" style="display:none;">
        <input type="hidden" name="requestNo" value="" id="requestNo">
        <input type="hidden" name="locale" value="{locale}">

        <h1 class="ttl_line m_b20" style="text-align: center;">{heading}
        </h1>

        <div class="indent">


{body}


        </div>

{hidden}
    </form>


</div>


</div>




<div id="footer">
    <address>A stand-in for tests and demonstrations. Nothing here comes from Japan Post.</address>
</div>


</div>

<script type="text/javascript">
<!--
var standin_protocol = location.protocol;
//-->
</script>

</body>
</html>
"""

_ITEM_TABLE = """\
                    <div class="beige_box m_b15">
                        <h2 class="beige_box_inner txt_type06 bold">{heading}</h2>
                    </div>



            <table class="tableType01 txt_c m_b5" summary="配達状況詳細">
              <tr>


                        <th scope="row" class="bg01 w_180">{headers[0]}</th>
                        <th scope="row" class="bg01 w_380">{headers[1]}</th>
                        <th scope="row" class="bg01 w_100">{headers[2]}</th>


              </tr>
              <tr>


                        <td class="w_180">{number}</td>
                        <td class="w_380">{item_class}   </td>
                        <td class="w_100"></td>


              </tr>

            </table>

            <br>

"""

_HISTORY_TABLE = """\
            <div class="beige_box m_b15">
                <h2 class="beige_box_inner txt_type06 bold">{heading}</h2>
            </div>

            <table class="tableType01 txt_c m_b5" summary="履歴情報">
              <tr>


                        <th scope="row" rowspan="2" class="bg01 w_120">{headers[0]}</th>



                <th scope="row" rowspan="2" class="bg01 w_150">{headers[1]}</th>
                <th scope="row" rowspan="2" class="bg01 w_180">{headers[2]}</th>
                <th scope="row" class="bg01 w_105">{headers[3]}</th>


                        <th scope="row" rowspan="2" class="bg01 w_105">{headers[4]}</th>



              </tr>
              <tr>
                <th scope="row" class="bg01 w_105">{postal_code}</th>
              </tr>

{rows}
            </table>

            <br>

"""

_EVENT_ROWS = """\
                  <tr>
                    <td rowspan="2" class="w_120">{when}</td>
                    <td rowspan="2" class="w_150">{phrase}</td>
                    <td rowspan="2" class="w_180">{details}</td>
                    <td class="w_105">{office}</td>
                    <td rowspan="2" class="w_105">{region}</td>
                  </tr>
                  <tr>
                    <td class="w_105">{postal_code}</td>
                  </tr>

"""

_CONTACT_TABLE = """\
                <div class="beige_box m_b15">
                    <h2 class="beige_box_inner txt_type06 bold">{heading}</h2>
                </div>

                <table class="tableType03 txt_c m_b5" summary="窓口店">
                  <tr>
                    <th scope="row" class="bg01 w_105">{headers[0]}</th>
                    <th scope="row" class="bg01 w_120">{headers[1]}</th>
                    <th scope="row" class="bg01 w_105">{headers[2]}</th>
                  </tr>

                  <tr>
                    <td class="w_105">{acceptance}</td>


                            <td class="w_120"><a href="/office?id=000000000000" target="_blank" >{office}</a></td>


                    <td class="w_105">000-000-0000</td>
                  </tr>

                </table>
                <br>

"""

_LIST_TABLE = """\
            <p class="bold">{count}</p>

            <table class="tableType01 txt_c m_b5" summary="照会結果">
              <tr>
                <th scope="row" rowspan="2" class="bg01 w_120">{headers[0]}</th>
                <th scope="row" rowspan="2" class="bg01 w_100">{headers[1]}</th>
                <th scope="row" rowspan="2" class="bg01 w_100">{headers[2]}</th>
                <th scope="row" rowspan="2" class="bg01 w_150">{headers[3]}</th>
                <th scope="row" class="bg01 w_105">{headers[4]}</th>
                <th scope="row" rowspan="2" class="bg01 w_105">{headers[5]}</th>
              </tr>
              <tr>
                <th scope="row" class="bg01 w_105">{postal_code}</th>
              </tr>

{rows}
            </table>
"""

_FOUND_ROWS = """\
                  <tr>
                    <td rowspan="2" class="w_120">

                        <a href="javascript:void(0);" onclick="return false;">{number}</a>

                    </td>
                    <td rowspan="2" class="w_100">{item_class}   </td>
                    <td rowspan="2" class="w_100">
                        {date}<br>

                        {time}
                    </td>
                    <td rowspan="2" class="w_150">{phrase}</td>
                    <td class="w_105">{office}</td>
                    <td rowspan="2" class="w_105">{region}</td>
                  </tr>
                  <tr>
                    <td class="w_105">{postal_code}</td>
                  </tr>

"""

_PROBLEM_ROW = """\
                  <tr>
                    <td class="w_120">{typed}</td>
                    <td colspan="5" class="txt_l"><font color="ff0000">{text}</font></td>
                  </tr>

"""

_HIDDEN = """\
        <input type="hidden" name="trackingNo" value="{number}">
        <input type="hidden" name="trackingTypeCode" value="4">
"""


def render_detail(item: TrackedItem, *, locale: str = "en") -> str:
    """Return the page with the whole history of one item."""
    words = _WORDS[locale]
    body = _ITEM_TABLE.format(
        heading=words.status_heading,
        headers=words.item_headers,
        number=_spaced(item.number),
        item_class=escape(item.item_class),
    )
    body += _HISTORY_TABLE.format(
        heading=words.history_heading,
        headers=words.event_headers,
        postal_code=words.postal_code,
        rows="".join(_EVENT_ROWS.format(**_cells(event, words)) for event in item.events),
    )
    if item.events and item.events[0].postal_code:  # absent for items from abroad
        body += _CONTACT_TABLE.format(
            heading=words.contact_heading,
            headers=words.contact_headers,
            acceptance=words.acceptance,
            office=escape(item.events[0].office),
        )
    hidden = _HIDDEN.format(number=escape(item.number))
    return _document(words.detail_title, words.detail_heading, body, hidden, locale)


def render_list(entries: Sequence[TrackedItem | Problem], *, locale: str = "en") -> str:
    """Return the page with one line per number: an item's newest event, or `(number as typed, problem)`."""
    words = _WORDS[locale]
    rows = ""
    for entry in entries:
        if isinstance(entry, TrackedItem):
            cells = _cells(entry.events[-1], words)
            rows += _FOUND_ROWS.format(
                number=_spaced(entry.number), item_class=escape(entry.item_class), **cells
            )
        else:
            typed, problem = entry
            rows += _PROBLEM_ROW.format(typed=escape(typed), text=words.problems[problem])
    body = _LIST_TABLE.format(
        count=words.list_count.format(len(entries)),
        headers=words.list_headers,
        postal_code=words.list_postal_code,
        rows=rows,
    )
    return _document(words.list_title, words.list_heading, body, "", locale)


def _document(title: str, heading: str, body: str, hidden: str, locale: str) -> str:
    page = _DOCUMENT.format(title=title, heading=heading, body=body, hidden=hidden, locale=locale)
    # The templates of the real pages leave lines of spaces where their tags were, and have CRLF inside.
    return page.replace("\n\n", "\n                \n").replace("\n", "\r\n")


def _cells(event: TrackedEvent, words: _Words) -> dict[str, str]:
    date = event.local_date.strftime(words.date_format)
    time = event.local_time.strftime("%H:%M") if event.local_time else ""
    return {
        "date": date,
        "time": time,
        "when": f"{date} {time}".strip(),
        "phrase": escape(event.phrase),
        "details": escape(event.details),
        "office": escape(event.office),
        "region": escape(event.region),
        "postal_code": escape(event.postal_code) or "&nbsp;",
    }


def _spaced(number: str) -> str:
    """EM123456785JP as the site prints it: EM 123 456 785 JP."""
    if len(number) != 13:
        return escape(number)
    return escape(" ".join((number[:2], number[2:5], number[5:8], number[8:11], number[11:])))
