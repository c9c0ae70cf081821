// The form of an achievement: its conditions as text and as rows, each showing the other's state, and what is
// remarked about them at its place. What anything means is the server's to say. Listeners sit on the document, so
// what htmx swaps in later works too.
"use strict";

(() => {
  const PATIENCE = 300; // milliseconds after the last key
  const find = (selector) => document.querySelector(selector);
  const text = () => find("[data-editor] textarea");

  function begin() {
    for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;
    if (!text()) return;
    text().closest("[data-editor]").dataset.editor = "live";
    find("#builder").inert = find("#unshown").childElementCount > 0;
    show();
  }

  // ── the text: its line numbers, and marks under what is remarked ──

  const linesOf = (value) => value.split(/\r\n|\r|\n/);

  // Where the word or sign at a column begins and ends in its line. Columns count characters, strings half of some.
  function range(line, column) {
    const start = [...line].slice(0, column - 1).join("").length;
    const word = line.slice(start).match(/^["'“”‘’]?[\p{L}\p{N}_.+-]+["'“”‘’]?|^./u);
    return [start, start + (word ? word[0].length : 0)];
  }

  // The lines lie under the text, word for word, so that they show its numbers, its marks and its height.
  function show() {
    const area = text();
    const remarks = [...document.querySelectorAll("#remarks [data-line]")].map((item) => ({
      line: Number(item.dataset.line),
      column: Number(item.dataset.column),
      tone: item.className,
    }));
    const lines = linesOf(area.value).map((line, index) => {
      const item = document.createElement("li");
      const here = remarks.filter((remark) => remark.line === index + 1);
      const isWrong = here.some((remark) => remark.tone === "tone-danger");
      if (here.length) item.className = isWrong ? "tone-danger" : here[0].tone;
      let at = 0;
      for (const { column, tone } of here.sort((one, other) => one.column - other.column)) {
        const [start, end] = range(line, column);
        if (start < at) continue;
        const mark = document.createElement("mark");
        mark.className = tone;
        mark.textContent = line.slice(start, end) || " ";
        item.append(line.slice(at, start), mark);
        at = end;
      }
      item.append(line.slice(at) || "\u200b");
      return item;
    });
    find("[data-lines]").replaceChildren(...lines);
    area.setAttribute("aria-invalid", remarks.some((remark) => remark.tone === "tone-danger"));
  }

  // ── asking ──

  let waiting = 0;
  let wentAt = false; // a button of the builder, which may be gone in the answer

  // `side` is where the rule was changed last; `wish` what a button of the builder is for.
  function ask(side, { wish = "", after = PATIENCE } = {}) {
    clearTimeout(waiting);
    find("[data-edited-in]").value = side;
    find("[data-wish]").value = wish;
    find("#preview")?.setAttribute("data-outdated", "");
    waiting = setTimeout(() => htmx.trigger("#conditions-editor", "conditions-changed"), after);
  }

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.target.matches("[data-conditions]")) find("[data-wish]").value = "";
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "content") begin();
    if (event.target.id === "preview") event.target.scrollIntoView({ block: "nearest" });
    if (event.detail.target.id !== "understood") return;
    begin();
    const written = find("#written");
    if (written) {
      text().value = written.value;
      written.remove();
    }
    show();
    const next = find("[data-goes-on]");
    if (next) {
      next.removeAttribute("data-goes-on");
      next.focus();
    } else if (wentAt && !document.activeElement?.closest("#builder")) {
      find("#add-condition")?.focus();
    }
    wentAt = false;
  });
  document.addEventListener("input", (event) => {
    if (event.target === text()) {
      show();
      ask("text");
    } else if (event.target.closest("#builder") && !event.target.matches("[data-rebuilds]")) {
      ask("builder");
    } else if (event.target.matches("#id_organization")) {
      ask(find("[data-edited-in]").value);
    }
  });
  document.addEventListener("change", (event) => {
    const { rebuilds } = event.target.dataset;
    if (rebuilds) ask("builder", { wish: `show ${rebuilds}`, after: 0 });
  });
  document.addEventListener("conditions-built", ({ detail }) => ask("builder", { wish: detail.wish, after: 0 }));
  // Enter in a row is no Save.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("#builder input")) {
      event.preventDefault();
      ask("builder", { after: 0 });
    }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.do) {
      wentAt = true;
      ask("builder", { wish: button.dataset.do, after: 0 });
    }
    button.closest("#starters")?.removeAttribute("open");
    if (button.matches("[data-takes-off]")) takeOff(button);
    if (button.matches("[data-goes-to]")) goTo(button.closest("[data-line]"));
    if (button.matches("[data-takes-correction]")) {
      text().value = find("[data-correction]").textContent;
      text().focus();
      ask("text", { after: 0 });
    }
    if (button.matches("[data-removes-badge]")) removeBadge();
  });

  function takeOff(button) {
    const field = button.closest(".ids");
    button.closest(".chip").remove();
    const ids = [...field.querySelectorAll(".chip")].map((chip) => chip.dataset.id);
    field.querySelector("input").value = ids.join("-");
    (field.querySelector("[data-takes-off]") || field.querySelector("[hx-get]")).focus();
    ask("builder", { after: 0 });
  }

  function goTo({ dataset: { line, column } }) {
    const lines = linesOf(text().value);
    const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    const [start, end] = range(lines[line - 1] || "", Number(column));
    text().focus();
    text().setSelectionRange(before + start, before + end);
  }

  function removeBadge() {
    find("#id_badge").value = "";
    find("[data-chosen-badge]").hidden = true;
    find("[data-removes-badge]").hidden = true;
    find("[data-no-badge]").hidden = false;
    find("#choose-badge").focus();
  }

  // A look at everybody is not asked how far it is while somebody writes why it is undone.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const isAsked = event.detail.requestConfig.verb === "get" && event.target.matches(".backfill");
    if (isAsked && event.target.querySelector("details[open]")) event.preventDefault();
  });

  // What was saved in a dialog is not left by closing it: behind it stands a form that would save it again.
  document.addEventListener(
    "cancel",
    (event) => {
      const way = event.target.querySelector?.("[data-leads-to]");
      if (!way) return;
      event.preventDefault();
      location.assign(way.href);
    },
    true,
  );

  document.addEventListener("DOMContentLoaded", begin);
})();
