// The job form: the live preview of its schedule, the section and the help of what is chosen, and the viewer's time zone.
"use strict";
(() => {
  const DELAY = 250;
  const box = document.querySelector("[data-preview-url]");
  if (!box) return;
  const form = box.closest("form");
  const panel = box.querySelector("[data-preview]");
  const inputs = box.querySelector("[data-preview-input]");
  const touched = new Set();
  let timer = 0;
  let pending = null;

  async function preview() {
    pending?.abort();
    pending = new AbortController();
    panel.classList.add("ms-waiting");
    try {
      const answer = await fetch(box.dataset.previewUrl, {
        method: "POST", body: new FormData(form), credentials: "same-origin", signal: pending.signal,
      });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      show(await answer.json());
    } catch (error) {
      if (error.name === "AbortError") return;
      panel.textContent = "The preview can't be reached just now. You can save nevertheless: the schedule is checked then.";
    }
    panel.classList.remove("ms-waiting");
  }

  function show({ html, errors }) {
    panel.innerHTML = html;
    for (const place of inputs.querySelectorAll("[data-errors]")) {
      const name = place.dataset.errors;
      if (!touched.has(name)) continue;
      place.replaceChildren(...(errors[name] ?? []).map((text) => Object.assign(document.createElement("p"), { textContent: text })));
    }
  }

  inputs.addEventListener("input", (event) => {
    // An error found in one field may be about another: from the first key on, all of them are kept up to date.
    for (const place of inputs.querySelectorAll("[data-errors]")) {
      const input = form.elements[place.dataset.errors];
      if (place.dataset.errors === event.target.name || !input || input.value) touched.add(place.dataset.errors);
    }
    clearTimeout(timer);
    timer = setTimeout(preview, DELAY);
  });

  // Of what stands elsewhere in the form, the preview shows this alone.
  form.elements.start_jitter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, DELAY);
  });

  // The style sheet shows the section of the chosen kind for the first six kinds, without this script; here are all.
  function showChosen() {
    const kind = form.elements.target_kind.value;
    for (const section of box.querySelectorAll("[data-target]")) section.hidden = section.dataset.target !== kind;
    for (const help of box.querySelectorAll("[data-help-of]")) help.hidden = help.dataset.value !== form.elements[help.dataset.helpOf].value;
  }
  form.addEventListener("change", showChosen);

  const mine = box.querySelector("[data-use-my-zone]");
  mine.hidden = false;
  mine.querySelector("[data-my-zone]").textContent = window.mainspring.zone;
  mine.addEventListener("click", () => {
    form.elements.timezone.value = window.mainspring.zone;
    form.elements.timezone.dispatchEvent(new Event("input", { bubbles: true }));
  });

  showChosen();
  preview();
})();
