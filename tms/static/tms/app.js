// What pages do by themselves: theme, menus, dialogs, notices. Nothing about badges lives here.
// Loaded in the head and not deferred, so that the chosen theme is there before the first paint.
// Listeners sit on the document, so what htmx swaps in later works too.
"use strict";

(() => {
  const root = document.documentElement;

  // The back office keeps its choice under the same name, so one switch serves both.
  function storedTheme() {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto"; // storage may be blocked: the device decides
    }
  }

  function showTheme(theme) {
    root.dataset.theme = theme;
    for (const input of document.querySelectorAll("[data-theme-switch] input")) {
      input.checked = input.value === theme;
    }
  }

  function storeTheme(theme) {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // it holds for this page only
    }
    showTheme(theme);
  }

  showTheme(storedTheme());
  addEventListener("storage", () => showTheme(storedTheme()));
  document.addEventListener("DOMContentLoaded", () => {
    for (const part of document.querySelectorAll("[data-theme-switch]")) part.hidden = false;
    showTheme(storedTheme());
  });
  document.addEventListener("change", (event) => {
    if (event.target.closest("[data-theme-switch]")) storeTheme(event.target.value);
  });

  // What asks another system takes a while: its button says so, and asks once.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || !("waits" in button.dataset)) return;
    if (button.getAttribute("aria-busy") === "true") event.preventDefault();
    button.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[data-waits]")) button.removeAttribute("aria-busy");
  });

  function closeMenus(exceptAround) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(exceptAround)) menu.open = false;
    }
  }

  document.addEventListener("click", (event) => {
    closeMenus(event.target);

    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();

    const dismissal = event.target.closest("[data-dismisses]");
    if (dismissal) dismissal.closest(dismissal.dataset.dismisses).remove();

    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog").close();
  });

  // "/" goes to the search box of the bar, unless somebody is typing.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const search = document.querySelector("[data-slash]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest("details.menu[open]");
    closeMenus(null);
    if (menu) menu.querySelector("summary").focus();
  });

  // A dialog that the server fills opens when it has arrived, and closes when the server says so. Not before it
  // is settled: until then a key would submit its form past htmx.
  document.addEventListener("htmx:afterSettle", (event) => {
    const dialog = event.target.closest("dialog[data-opens-filled]");
    if (!dialog || !dialog.hasChildNodes() || event.detail.target !== dialog) return;
    // One that is filled anew while it is open has lost what had the focus, unless that came again.
    if (dialog.open && dialog.contains(document.activeElement)) return;
    if (!dialog.open) {
      dialog.dataset.openedBy = document.activeElement.id;
      delete dialog.dataset.left;
      dialog.showModal();
    }
    dialog.querySelector("[data-focused-first]")?.focus();
  });
  // Once it was left and all is answered it is empty: nothing in it asks again, and nothing opens it from inside.
  function emptyLeft() {
    for (const dialog of document.querySelectorAll("dialog[data-left]")) {
      if (dialog.querySelector(".htmx-request")) continue;
      delete dialog.dataset.left;
      dialog.replaceChildren();
    }
  }
  document.addEventListener("htmx:afterRequest", emptyLeft);
  // What opened it may have been exchanged meanwhile; its successor has its id.
  document.addEventListener(
    "close",
    (event) => {
      const dialog = event.target;
      if (dialog.matches("[data-opens-filled]")) dialog.dataset.left = "";
      emptyLeft();
      document.getElementById(dialog.dataset.openedBy)?.focus();
    },
    true,
  );
  document.addEventListener("close-dialog", () => {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  });

  // What is exchanged goes on as it was: what somebody opened stays open, and who removed something is at what took
  // its place, or else at what adds it.
  let opened = [];
  let goOnAt = [];

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { id, dataset } = event.target;
    if (!dataset.removes) return;
    const ids = [...document.querySelectorAll(`[id][data-removes="${dataset.removes}"]`)].map((each) => each.id);
    const place = ids.indexOf(id);
    goOnAt = [ids[place + 1], ids[place - 1], dataset.removes];
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    opened = [...event.detail.target.querySelectorAll("details[id][open]")].map((details) => details.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    opened = [];
  });
  // Not before it is settled: until then what is new does nothing when a key is pressed.
  document.addEventListener("htmx:afterSettle", () => {
    goOnAt.map((id) => document.getElementById(id)).find(Boolean)?.focus();
    goOnAt = [];
  });

  // Choosers: how many are chosen, those of other pages among them; arrows go from row to row.
  function countChosen(form) {
    const kept = Number(form.querySelector("[data-kept-count]").dataset.keptCount);
    const ticked = form.querySelectorAll("[name=chosen]:checked");
    const isOne = ticked.length > 0 && ticked[0].type === "radio";
    const count = isOne ? 1 : kept + ticked.length;
    const shown = form.querySelector("[data-chosen-count]");
    if (shown) shown.textContent = count;
    for (const button of form.querySelectorAll("[data-needs-choice]")) button.disabled = count === 0;
  }

  document.addEventListener("htmx:load", (event) => {
    const form = event.target.closest("[data-chooser]") || event.target.querySelector("[data-chooser]");
    if (form) countChosen(form);
  });
  // What is ticked while a search is under way is not known to its answer, and stays ticked in what it brings.
  const ticked = new Map();
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-chooser] [name=chosen]")) return;
    ticked.set(event.target.value, event.target.checked);
    countChosen(event.target.form);
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.closest("[data-chooser]")) ticked.clear();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    for (const input of event.target.querySelectorAll("[data-chooser] [name=chosen]")) {
      if (ticked.has(input.value)) input.checked = ticked.get(input.value);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches("[data-chooser] input") || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    if (event.target.type === "radio") return; // the browser does
    const stops = [...event.target.form.querySelectorAll("[type=search], [name=chosen]")];
    const next = stops[stops.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
    event.preventDefault();
    if (next) next.focus();
  });
})();
