// Comfort only: every page works without this file.

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

// The viewer's own clock beside a time whose instant is certain, where the two differ.
for (const place of document.querySelectorAll("[data-yours]")) {
  const written = place.dataset.yours;
  const here = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const instant = new Date(written);
  const offset = -instant.getTimezoneOffset();
  const [, sign, hours, minutes] = written.match(/([+-])(\d\d):(\d\d)$/);
  if (Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) === offset) continue;
  place.textContent = `(${here.format(instant)} ${place.dataset.words})`;
  place.hidden = false;
}

// Copy buttons appear only where the browser can copy.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
    button.nextElementSibling.textContent = button.dataset.done;
  });
}
