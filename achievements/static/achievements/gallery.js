// The tabs of all achievements: arrows go from one to the next, as in any row of tabs.
"use strict";

document.addEventListener("keydown", (event) => {
  const here = event.target.closest(".gallery-tabs [data-turns]");
  if (!here) return;
  const tabs = [...here.parentElement.querySelectorAll("[data-turns]")];
  const onward = document.documentElement.dir === "rtl" ? -1 : 1;
  const place = tabs.indexOf(here);
  const next = {
    ArrowRight: tabs.at((place + onward) % tabs.length),
    ArrowLeft: tabs.at((place - onward) % tabs.length),
    Home: tabs[0],
    End: tabs.at(-1),
  }[event.key];
  if (!next) return;
  event.preventDefault();
  next.focus();
});
