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
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest("details.menu[open]");
    closeMenus(null);
    if (menu) menu.querySelector("summary").focus();
  });
})();
