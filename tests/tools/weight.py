"""Measures a page at a visitor's first visit in Chromium: bytes, requests, other hosts and layout shifts."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser

# The browser reports earlier entries a little later, and only where there are any. A change that the page makes in the
# first two frames after loading is complete after four frames, however long a frame takes.
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
    """What one visit to a page costs."""

    bytes: int  # over the network: compressed, with headers
    requests: int
    third_parties: tuple[str, ...]  # hosts and ports other than the page's own
    layout_shift: float  # the sum of all shifts; 0: nothing moved during loading


def weigh(browser: Browser, url: str) -> Weight:
    """What a first visit on a phone costs, with an empty cache, until the network is idle.

    The browser must be new, for a browser requests a site's icon only once.
    """
    context = browser.new_context(viewport={"width": 360, "height": 640})
    try:
        page = context.new_page()
        urls: list[str] = []
        sizes: list[float] = []

        def note_request(event: dict[str, Any]) -> None:
            urls.append(event["request"]["url"])

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
    hosts = {urlsplit(one).netloc for one in urls} - {urlsplit(url).netloc}
    return Weight(round(sum(sizes)), len(urls), tuple(sorted(hosts)), layout_shift)
