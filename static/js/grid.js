// The rows of a table: moving about with the keyboard, ticking, editing where a value stands.
(() => {
  "use strict";

  const rows = () => [...document.querySelectorAll("#rows > tr[data-record]")];
  const usesLetters = () => document.documentElement.dataset.letterKeys !== "off";

  // --- The grid: one tab stop, arrows inside

  let at = null; // the record and the column one is at
  let pointed = null; // a cell that was clicked: what is typed next is meant for it, and no key of the page

  function cellsOf(row) {
    return [...row.children].filter((cell) => !cell.matches(".col-add") && cell.checkVisibility());
  }

  function mark(cell) {
    for (const one of document.querySelectorAll("#rows [tabindex='0']")) one.tabIndex = -1;
    cell.tabIndex = 0;
    at = { record: cell.parentElement.dataset.record, attribute: cell.dataset.attribute };
  }

  function go(cell) {
    if (!cell) return;
    pointed = null;
    mark(cell);
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // Links and boxes inside are reached through their cells.
  function makeGrid() {
    const found = rows();
    for (const one of document.querySelectorAll("#rows :is(a, input)")) one.tabIndex = -1;
    if (!found.length || document.querySelector("#rows [tabindex='0']")) return;
    const row = found.find((one) => one.dataset.record === at?.record) || found[0];
    mark(row.querySelector(`[data-attribute="${at?.attribute}"]`) || row.children[0]);
  }

  function step(cell, down, right) {
    const list = rows();
    const row = list[list.indexOf(cell.parentElement) + down];
    if (!row) return document.querySelector("#rows > .skeleton")?.scrollIntoView({ block: "nearest" });
    const place = cellsOf(cell.parentElement).indexOf(cell) + right;
    go(cellsOf(row)[Math.max(0, place)]);
  }

  const ARROWS = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
  const LETTERS = { j: [1, 0], k: [-1, 0] };

  function pressInGrid(event) {
    const cell = event.target.closest("#rows > tr > :is(th, td)");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    // A box or a link that was clicked has no use for arrows, and is where one is.
    if (event.target !== cell && !(event.key in ARROWS && event.target.matches(".check, a"))) return;
    if (type(cell, event)) return;
    const letters = usesLetters();
    const move = ARROWS[event.key] || (letters && LETTERS[event.key]);
    const row = cell.parentElement;
    if (move) step(cell, ...move);
    else if (event.key === "Home") go(cellsOf(row)[0]);
    else if (event.key === "End") go(cellsOf(row).at(-1));
    else if ((event.key === "Enter" || event.key === "F2") && !event.repeat) enter(cell);
    else if (event.key === " " || (letters && event.key.toLowerCase() === "x")) tick(row, event.shiftKey);
    else return;
    event.preventDefault();
  }

  function enter(cell) {
    if ("edit" in cell.dataset) edit(cell);
    else (cell.querySelector("a") || cell.parentElement.querySelector(".record-link")).click();
  }

  // --- Ticked rows

  let last = null; // the row ticked last, from which Shift goes on

  function tick(row, isRange) {
    const box = row.querySelector(".check");
    box.checked = !box.checked;
    if (isRange) tickRange(row, box.checked);
    last = row.dataset.record;
    showPicked();
  }

  function tickRange(row, checked) {
    const list = rows();
    const from = list.findIndex((one) => one.dataset.record === last);
    const to = list.indexOf(row);
    if (from < 0) return;
    for (const one of list.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      one.querySelector(".check").checked = checked;
    }
  }

  function clickTick(event) {
    const box = event.target;
    if (box.matches("[data-pick-all]")) {
      for (const one of document.querySelectorAll("#rows .check")) one.checked = box.checked;
    } else if (box.matches("#rows .check")) {
      if (event.shiftKey) tickRange(box.closest("tr"), box.checked);
      last = box.closest("tr").dataset.record;
    } else return;
    showPicked();
  }

  function showPicked() {
    const boxes = [...document.querySelectorAll("#rows .check")];
    const beyond = document.querySelector("[data-pick-beyond]");
    const picked = boxes.filter((one) => one.checked).length;
    const all = document.querySelector("[data-pick-all]");
    if (!all) return;
    all.checked = picked > 0 && picked === boxes.length;
    all.indeterminate = picked > 0 && picked < boxes.length;
    if (beyond && !all.checked) beyond.checked = false;
    for (const one of boxes) one.closest("tr").ariaSelected = one.checked ? "true" : null;
  }

  // On a small screen the boxes are there while somebody selects.
  function pickRows(isPicking) {
    document.getElementById("view")?.toggleAttribute("data-picking", isPicking);
    document.querySelector("[data-pick]")?.setAttribute("aria-pressed", isPicking);
    if (!isPicking) clearTicks();
  }

  const isPicking = () => document.getElementById("view")?.hasAttribute("data-picking") ?? false;

  function clearTicks() {
    for (const one of document.querySelectorAll("#rows .check:checked")) one.checked = false;
    showPicked();
  }

  // --- Editing where a value stands

  // What is typed while the editor is on its way is kept for it, also that it is to be saved or left.
  const typing = new WeakMap(); // by cell: { text, end: the key that ended it }

  function type(cell, event) {
    const begun = typing.get(cell);
    const isText = event.key.length === 1 && (event.key !== " " || begun) && !event.isComposing;
    const isMore = begun && ["Enter", "Tab", "Escape", "Backspace"].includes(event.key);
    if (cell !== pointed || !("edit" in cell.dataset) || !(isText || isMore)) return false;
    event.preventDefault();
    const { text = "", end = "" } = begun ?? {};
    if (isText && !end) typing.set(cell, { text: text + event.key, end });
    else if (event.key === "Backspace" && !end) typing.set(cell, { text: text.slice(0, -1), end });
    else if (isMore && !end) typing.set(cell, { text, end: event.key });
    edit(cell);
    return true;
  }

  function fillIn(cell) {
    const { text, end } = typing.get(cell) ?? {};
    typing.delete(cell);
    const field = cell.querySelector("form [autofocus]");
    if (!field || text === undefined) return;
    field.focus(); // htmx does so a moment later, and a letter would be lost
    field.value = text;
    field.setSelectionRange(text.length, text.length);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    if (end === "Escape") field.form.querySelector("[data-cancel]").click();
    else if (end && field.form.dataset.editor === "text") field.form.requestSubmit();
  }

  function edit(cell) {
    const link = cell.parentElement.querySelector(".record-link");
    if (!link || cell.querySelector("form") || "opening" in cell.dataset) return;
    mark(cell);
    cell.dataset.opening = "";
    const url = `${new URL(link.href).pathname}attributes/${cell.dataset.attribute}/`;
    const answered = window.htmx.ajax("GET", url, { source: cell, target: cell, swap: "innerHTML" });
    answered.finally(() => {
      delete cell.dataset.opening;
      fillIn(cell);
    });
  }

  // As in a spreadsheet: leaving saves what was typed (see editing.js), and one types on in the next.
  function tabOn(event) {
    const editor = event.key === "Tab" && event.target.closest("#rows [data-editor='text']");
    if (!editor || !event.target.matches("input, textarea")) return;
    const cells = cellsOf(editor.closest("tr"));
    const next = cells[cells.indexOf(editor.closest("th, td")) + (event.shiftKey ? -1 : 1)];
    if (!next) return;
    event.preventDefault();
    go(next);
    pointed = next;
    if ("edit" in next.dataset) edit(next);
  }

  function backToCell(event) {
    const cell = event.target.closest?.("#rows > tr > [data-edit]");
    if (!cell || cell.querySelector("form")) return;
    for (const one of cell.querySelectorAll("a, input")) one.tabIndex = -1;
    if (document.activeElement === document.body) go(cell);
  }

  // From outside, wherever the focus is, the first press leads into the table.
  function enterGrid(event) {
    const isKey = ["ArrowDown", "ArrowUp"].includes(event.key) || (event.key in LETTERS && usesLetters());
    if (!isKey || !window.isFreeKey(event)) return;
    const cell = document.querySelector("#rows [tabindex='0']");
    if (cell) { event.preventDefault(); go(cell); }
  }

  // --- Wiring

  // What comes after the rows that are shown is selected with them.
  function tickNext() {
    if (!document.querySelector("[data-pick-beyond]:checked")) return;
    for (const one of document.querySelectorAll("#rows .check")) one.checked = true;
  }

  function onSettled(event) {
    makeGrid();
    tickNext();
    showPicked();
    document.querySelector("[data-pick]")?.setAttribute("aria-pressed", isPicking());
    backToCell(event);
  }

  function onKey(event) {
    pressInGrid(event);
    tabOn(event);
    if (event.defaultPrevented) return;
    enterGrid(event);
    const isFree = !event.target.closest("form, dialog") && !document.querySelector(":popover-open, dialog[open]");
    if (event.key === "Escape" && isFree && document.querySelector("#rows .check:checked")) clearTicks();
  }

  function onClick(event) {
    clickTick(event);
    if (event.target.closest("[data-clear-picked]")) pickRows(false);
    if (event.target.closest("[data-pick]")) pickRows(!isPicking());
    const cell = event.target.closest("#rows > tr > :is(th, td)");
    if (cell && event.isTrusted) point(cell, event);
  }

  function point(cell, event) {
    mark(cell);
    if (event.target.closest("a, button, input, form") || !getSelection().isCollapsed) return;
    cell.focus({ preventScroll: true });
    pointed = cell;
  }

  // Also where the focus is led to a cell from elsewhere.
  function onFocus(event) {
    if (event.target.matches("#rows > tr[data-record] > :is(th, td)")) mark(event.target);
  }

  function onDoubleClick(event) {
    const cell = event.target.closest("#rows [data-edit]");
    if (cell && !event.target.closest("form")) edit(cell);
  }

  makeGrid();
  const listeners = {
    click: onClick,
    dblclick: onDoubleClick,
    focusin: onFocus,
    keydown: onKey,
    "htmx:afterSettle": onSettled,
    "htmx:load": makeGrid,
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
