"""What a page costs its first visitor: a fresh Chromium counts bytes, requests, other hosts and what jumps about."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser

# Entries from before we looked are reported a little later, and only where there are any. What the page does in the first two
# frames after it has loaded has happened four frames later, however long a frame takes.
LAYOUT_SHIFT = """
async () => {
  let sum = 0;
  const add = entries => entries.forEach(entry => sum += entry.value);
  const observer = new PerformanceObserver(list => add(list.getEntries()));
  observer.observe({type: "layout-shift", buffered: true});
  for (let frames = 0; frames < 4; frames++) await new Promise(requestAnimationFrame);
  await new Promise(resolve => setTimeout(resolve, 300));
  add(observer.takeRecords());
  return sum;
}
"""


@dataclass(frozen=True)
class Weight:
    bytes: int  # over the network, as they are sent: packed, with headers
    requests: int
    third_parties: tuple[str, ...]  # hosts and ports other than the page's own
    layout_shift: float  # the sum of all shifts; 0: nothing moved while it was loading


def weigh(browser: Browser, url: str) -> Weight:
    """A first visit on a phone, with an empty cache, until the network is quiet.

    The browser must be new, for it asks for a site's icon only once.
    """
    context = browser.new_context(viewport={"width": 360, "height": 640})
    try:
        page = context.new_page()
        asked: list[str] = []
        sizes: list[float] = []

        def note_request(event: dict[str, Any]) -> None:
            asked.append(event["request"]["url"])

        def note_size(event: dict[str, Any]) -> None:
            sizes.append(event["encodedDataLength"])

        network = context.new_cdp_session(page)
        network.on("Network.requestWillBeSent", note_request)
        network.on("Network.loadingFinished", note_size)
        network.send("Network.enable")
        page.goto(url, wait_until="networkidle")
        layout_shift = float(page.evaluate(LAYOUT_SHIFT))
    finally:
        context.close()
    hosts = {urlsplit(one).netloc for one in asked} - {urlsplit(url).netloc}
    return Weight(round(sum(sizes)), len(asked), tuple(sorted(hosts)), layout_shift)
