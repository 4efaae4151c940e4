// Keys. A button or link names its own in aria-keyshortcuts and is clicked when that is pressed; pages
// are reached by G and a letter. Single keys work outside fields and dialogs, and can be switched off.
(() => {
  "use strict";

  const PAUSE = 1200; // between the two keys of a sequence at most, in milliseconds
  const FIELDS = "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])";
  const AROUND = ".thread-row, .thread__access, .request, .note";
  // What answers for somebody else is never done by a key alone, without the focus on it.
  const FOCUSED_ONLY = new Set(["A", "D", "R"]);
  // The table and the pager have these for themselves.
  const ELSEWHERE = new Set(["J", "K", "X", " ", "Escape", "Enter"]);

  const keys = document.getElementById("keys");
  let begun = null; // when G was pressed, if it was the last key

  const areOn = () => document.documentElement.dataset.letterKeys !== "off";

  function nameOf(event) {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    return event.shiftKey && /^[A-Z]$/.test(key) ? `Shift+${key}` : key;
  }

  function isVisible(element) {
    return element.checkVisibility({ visibilityProperty: true });
  }

  function withKey(root, name) {
    const all = root.querySelectorAll(`[aria-keyshortcuts~="${CSS.escape(name)}"]`);
    return [...all].find((one) => isVisible(one) && !one.disabled && !one.closest("[inert]"));
  }

  function buttonFor(name, target) {
    const around = target.closest(AROUND);
    const near = around && withKey(around, name);
    if (near) return near;
    if (target.closest(":popover-open")) return null;
    if (FOCUSED_ONLY.has(name)) return name === "R" ? withKey(document.querySelector(".thread") || around || keys, name) : null;
    return withKey(document, name) || keys.querySelector(`[data-key="${CSS.escape(name)}"]`);
  }

  function press(event) {
    if (!keys || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = window.keyTarget(event);
    if (event.repeat || !areOn() || target.matches(FIELDS) || document.querySelector("dialog[open]")) return;
    const name = nameOf(event);
    if (ELSEWHERE.has(name)) return;
    const isSecond = begun !== null && event.timeStamp - begun < PAUSE;
    begun = name === "G" && !isSecond ? event.timeStamp : null;
    const found = isSecond ? keys.querySelector(`[data-key="G ${CSS.escape(name)}"]`) : buttonFor(name, target);
    if (!found || begun !== null) return;
    event.preventDefault();
    found.click();
  }

  // --- The sidebar, folded to its icons or not; the server draws it as it was left

  function foldSidebar() {
    const root = document.documentElement;
    const isFolded = root.dataset.sidebar !== "folded";
    if (isFolded) root.dataset.sidebar = "folded";
    else delete root.dataset.sidebar;
    keep("sidebar", isFolded ? "folded" : "");
    showFold();
  }

  function showFold() {
    const isFolded = document.documentElement.dataset.sidebar === "folded";
    for (const one of document.querySelectorAll("[data-fold]")) one.setAttribute("aria-expanded", String(!isFolded));
  }

  function switchLetters(isOn) {
    if (isOn) delete document.documentElement.dataset.letterKeys;
    else document.documentElement.dataset.letterKeys = "off";
    keep("letter_keys", isOn ? "" : "off");
  }

  function keep(name, value) {
    document.body.dispatchEvent(new CustomEvent("keep", { detail: { name, value } }));
  }

  document.addEventListener("keydown", press);
  document.addEventListener("click", (event) => event.target.closest("[data-fold]") && foldSidebar());
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-letter-switch]")) switchLetters(event.target.checked);
  });
  showFold();
})();
