// The form of a user asks for participation only while the chosen organization has achievements enabled.
// Without it, what the page showed at first stays.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("[data-achievements-of]")) {
    const organization = document.getElementById(part.dataset.achievementsOf);
    organization?.addEventListener("change", () => {
      const chosen = organization.selectedOptions[0];
      part.hidden = !chosen || !("achievements" in chosen.dataset);
    });
  }
});
