// Tabbed forms (templates/_tabbed_form.html): one section shows at a time, and the tabs are real ones.
// Loaded in the head and not deferred, so that the other sections are never seen to vanish.
// Listeners sit on the document, so what htmx swaps in later works too.
"use strict";

(() => {
  document.documentElement.dataset.tabs = "";

  const tabsAround = (tab) => [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  const tabOf = (element) => {
    const panel = element && element.closest("[data-tabbed] .panel");
    return panel && document.getElementById(`${panel.id}-tab`);
  };

  function open(chosen) {
    for (const tab of tabsAround(chosen)) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      panelOf(tab).toggleAttribute("data-open", tab === chosen);
    }
    chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function choose(tab) {
    open(tab);
    history.replaceState(history.state, "", `#${tab.getAttribute("aria-controls")}`);
  }

  // An address may name a section, or something in one.
  function openNamed() {
    const named = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const tab = tabOf(named);
    if (tab) open(tab);
  }

  // The section that the address still names is not where the error is; a browser that goes there takes the focus.
  function goTo(field) {
    history.replaceState(history.state, "", location.pathname + location.search);
    field.focus();
    addEventListener("load", () => field.focus(), { once: true });
  }

  function begin(form) {
    if (form.dataset.tabbed) return;
    form.dataset.tabbed = "begun";
    for (const tab of form.querySelectorAll("[role=tab]")) {
      panelOf(tab).setAttribute("role", "tabpanel");
      panelOf(tab).setAttribute("aria-labelledby", tab.id);
    }
    const wrong = form.querySelector(".panel[data-open] [aria-invalid=true]");
    if (!wrong) openNamed();
    else if ("goesToError" in form.dataset) goTo(wrong);
  }

  const beginAll = () => document.querySelectorAll("[data-tabbed]").forEach(begin);
  document.addEventListener("DOMContentLoaded", beginAll);
  document.addEventListener("htmx:load", beginAll);
  addEventListener("hashchange", openNamed);

  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-tabbed] [role=tab]");
    if (tab) choose(tab);
  });

  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest("[data-tabbed] [role=tab]");
    if (!tab) return;
    const tabs = tabsAround(tab);
    const onward = document.documentElement.dir === "rtl" ? -1 : 1;
    const here = tabs.indexOf(tab);
    const next = {
      ArrowRight: tabs.at((here + onward) % tabs.length),
      ArrowLeft: tabs.at((here - onward) % tabs.length),
      Home: tabs[0],
      End: tabs.at(-1),
    }[event.key];
    if (!next) return;
    event.preventDefault();
    choose(next);
    next.focus();
  });
})();
