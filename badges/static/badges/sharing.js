// Sharing a badge: copy what stands in a field, hand the address to other apps, print. What a browser cannot do
// stays hidden.
"use strict";

(() => {
  const ready = (part) => {
    for (const button of part.querySelectorAll("[data-copies], [data-prints]")) button.hidden = false;
    if (!navigator.share) return;
    for (const button of part.querySelectorAll("[data-shares]")) button.hidden = false;
  };

  async function copy(button) {
    const field = document.getElementById(button.dataset.copies);
    const looks = button.dataset.rich && document.getElementById(button.dataset.rich);
    if (looks && window.ClipboardItem && navigator.clipboard) {
      const text = (type, content) => [type, new Blob([content], { type })];
      const forms = [text("text/html", looks.innerHTML.trim()), text("text/plain", field.value)];
      await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(forms))]);
    } else if (navigator.clipboard) {
      await navigator.clipboard.writeText(field.value);
    } else {
      // A site without TLS has no clipboard of its own, and only what is to be seen can be selected.
      field.closest("details")?.setAttribute("open", "");
      field.select();
      if (!document.execCommand("copy")) return;
      button.focus();
    }
    say(button);
  }

  // Beside the button for eyes, and in a place of its own for ears.
  function say(button) {
    const says = button.querySelector("[data-says]");
    const loud = document.getElementById("told");
    button.dataset.before ||= says.textContent;
    says.textContent = loud.textContent = button.dataset.copied;
    setTimeout(() => {
      says.textContent = button.dataset.before;
      loud.textContent = "";
    }, 2500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copies], [data-shares], [data-prints]");
    if (!button) return;
    if (button.dataset.copies) copy(button).catch(() => document.getElementById(button.dataset.copies).select());
    else if (button.dataset.shares) {
      navigator.share({ title: button.dataset.title, url: button.dataset.shares }).catch(() => {});
    } else print();
  });

  document.addEventListener("DOMContentLoaded", () => ready(document));
  // What had the focus is gone once a badge is published or private again: go on at what it has become.
  document.addEventListener("htmx:afterSettle", (event) => {
    ready(document);
    const isWhole = event.target.id === "sharing" || event.detail.target?.id === "sharing";
    if (!isWhole) return;
    const sharing = document.getElementById("sharing");
    document.getElementById("told").textContent = sharing.querySelector(".messages p")?.textContent.trim() || "";
    if (!sharing.contains(document.activeElement)) document.getElementById("share-state")?.focus();
  });
})();
