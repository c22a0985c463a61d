// Comfort only: every page works without this file. It is one file, so that a first visit needs one request for it;
// its parts know nothing of each other.

// The button says that Japan Post is being asked while the next page is on its way.
for (const form of document.querySelectorAll("form[data-busy]")) {
  const button = form.querySelector("button[type=submit]");
  const words = button.textContent;
  form.addEventListener("submit", () => {
    button.textContent = form.dataset.busy;
    button.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    button.textContent = words;
    button.removeAttribute("aria-busy");
  });
}

// A page that says it will try again does, unless the reader wants to stay. (Without JavaScript: a refresh, unasked.)
for (const place of document.querySelectorAll("[data-again]")) {
  const [button, status] = [place.querySelector("button"), place.querySelector("[role=status]")];
  const timer = setTimeout(() => location.reload(), Number(place.dataset.again) * 1000);
  button.addEventListener("click", () => {
    clearTimeout(timer);
    status.textContent = status.dataset.stopped;
    status.focus(); // the button is hidden next
    button.hidden = true;
  });
  place.hidden = false;
}

// The viewer's own clock next to a time whose instant is certain, where the two differ.
for (const place of document.querySelectorAll("[data-yours]")) {
  const written = place.dataset.yours;
  const lang = document.documentElement.lang;
  // The day before the month, as the page itself writes it.
  const here = new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const instant = new Date(written);
  const offset = -instant.getTimezoneOffset();
  const [, sign, hours, minutes] = written.match(/([+-])(\d\d):(\d\d)$/);
  if (Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) === offset) continue;
  place.textContent = `(${here.format(instant)} ${place.dataset.words})`;
  place.hidden = false;
}

// “10 minutes ago” stays true on an open page: counted on from what the page said, whatever the viewer's clock says.
for (const place of document.querySelectorAll("[data-minutes]")) {
  const opened = Date.now();
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang);
  setInterval(() => {
    const passed = Math.floor((Date.now() - opened) / 60_000);
    const minutes = Number(place.dataset.minutes) + passed;
    if (passed < 1 || minutes < 5) return;
    if (minutes < 120) place.textContent = words.format(minutes % 5 - minutes, "minute");
    else if (minutes < 2880) place.textContent = words.format(-Math.floor(minutes / 60), "hour");
    else place.textContent = words.format(-Math.floor(minutes / 1440), "day");
  }, 30_000);
}

// Copy buttons appear only where the browser can copy.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
      button.nextElementSibling.textContent = button.dataset.done;
    } catch {
      button.hidden = true; // refused: the number next to it can still be selected
    }
  });
}

// --- News on an open page -----------------------------------------------------------------------------------

// Our own store is asked, never Japan Post. Nothing under a reader's eyes changes: a line says that there is news.
for (const place of document.querySelectorAll("[data-live]")) {
  const finished = ["final-delivery", "returned"]; // the slugs of a journey that is over
  const { live: address, events, lastScan, headline } = place.dataset;
  const template = document.querySelector("#news");
  let timer;
  let due;

  // Some seconds later than said, by chance: many open pages do not all ask at once.
  const rest = () => { due = Date.now() + Number(place.dataset.every) * 1000 * (1 + Math.random() / 10); };

  const wait = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(check, Math.max(0, due - Date.now()));
  };

  const tell = (story) => {
    const count = String(story.events.length); // throws where the answer has no events
    const isOld = count === events && story.last_scan === lastScan && story.headline === headline;
    if (isOld || place.dataset.shown === story.headline) return;
    const line = template.content.cloneNode(true);
    line.querySelector("bdi").textContent = place.dataset.shown = story.headline;
    place.replaceChildren(line);
  };

  // A failure is not shown: the page keeps what it has, and the next check may succeed.
  const check = async () => {
    rest();
    try {
      const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(20_000) });
      const story = answer.ok && await answer.json();
      if (story) tell(story);
      if (story && (story.tone === "done" || finished.includes(story.status))) {
        document.removeEventListener("visibilitychange", wait);
        return;
      }
    } catch { /* see above */ }
    wait();
  };

  document.addEventListener("visibilitychange", wait);
  rest();
  wait();
}

// --- Parcels remembered on this device ----------------------------------------------------------------------

// Only numbers, and only after the visitor asks for it; nothing of it is sent anywhere. The browser's store may
// contain anything: it is checked when read, and shown as text.
const remembered = {
  name: "emsguide.parcels",
  most: 10,

  get isPossible() {
    try { return Boolean(window.localStorage); } catch { return false; } // blocked: even looking at it fails
  },

  read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.name));
      const numbers = kept.filter((one) => typeof one === "string" && /^[A-Z]{2}[0-9]{9}[A-Z]{2}$/.test(one));
      return [...new Set(numbers)].slice(0, this.most);
    } catch {
      return []; // nothing there, or no list
    }
  },

  // Newest first. False where the browser has no room for it.
  keep(numbers) {
    try {
      if (numbers.length) localStorage.setItem(this.name, JSON.stringify(numbers.slice(0, this.most)));
      else localStorage.removeItem(this.name);
      return true;
    } catch {
      return false;
    }
  },

  // Whatever shows what is remembered; also after the way back, and after a change in another tab.
  views: [],
  show() { for (const view of this.views) view(); },
};

for (const place of document.querySelectorAll("[data-remember]")) {
  if (!remembered.isPossible) continue;
  const button = place.querySelector("button");
  const status = place.querySelector("[role=status]");
  const words = button.textContent;
  const ours = place.dataset.remember.split(" ");
  const areKept = () => ours.every((number) => remembered.read().includes(number));
  button.addEventListener("click", () => {
    const others = remembered.read().filter((number) => !ours.includes(number));
    const done = areKept() ? "forgotten" : "remembered";
    const isDone = remembered.keep(done === "forgotten" ? others : [...ours, ...others]);
    status.textContent = status.dataset[isDone ? done : "full"];
    remembered.show();
  });
  remembered.views.push(() => { button.textContent = areKept() ? button.dataset.forget : words; });
  place.hidden = false;
}

for (const block of document.querySelectorAll("[data-parcels]")) {
  const [parcels, status] = [block.querySelector("div"), block.querySelector("[role=status]")];
  const [list, all, item] = [parcels.querySelector("ul"), parcels.querySelector("a"), block.querySelector("template")];
  const address = block.dataset.parcels;
  remembered.views.push(() => {
    const numbers = remembered.read();
    list.replaceChildren(...numbers.map((number) => {
      const entry = item.content.cloneNode(true);
      const link = entry.querySelector("a");
      link.textContent = number;
      link.href = `${address}${number}/`;
      return entry;
    }));
    all.href = `${address}?number=${numbers.join(",")}`;
    all.querySelector("span").textContent = numbers.length;
    all.hidden = numbers.length < 2;
    parcels.hidden = numbers.length === 0;
    if (numbers.length) status.textContent = "";
    block.hidden = parcels.hidden && !status.textContent;
  });
  parcels.querySelector("button").addEventListener("click", () => {
    remembered.keep([]);
    status.textContent = status.dataset.forgotten;
    remembered.show();
    status.focus(); // the button is gone
  });
}

remembered.show();
window.addEventListener("pageshow", () => remembered.show());
window.addEventListener("storage", () => remembered.show());
