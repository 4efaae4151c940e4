// Columns are dragged to another place by their heads. Without a pointer, the menu of each does the same.
(() => {
  "use strict";

  let dragged = ""; // the column whose head is on its way: the table may come anew under it
  let goal = null; // { head, isAfter }: where it would be put

  const draggedIn = (table) => table.querySelector(`thead th[data-column="${CSS.escape(dragged)}"]`);
  const headsOf = (table) => [...table.querySelectorAll("thead th[data-column]")];

  function take(event) {
    const head = event.target.closest?.("th[data-column]");
    if (!head) return;
    dragged = head.dataset.column;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", head.querySelector(".col-head").textContent.trim());
    event.dataTransfer.setDragImage(head, 0, 0);
    head.dataset.dragged = "";
  }

  // Anywhere in the table: what counts is above which column the pointer is.
  function consider(event) {
    const table = dragged && event.target.closest?.("table");
    if (!table || !draggedIn(table)) return;
    const head = headsOf(table).find((one) => {
      const { left, right } = one.getBoundingClientRect();
      return left <= event.clientX && event.clientX < right;
    });
    show(head && head !== draggedIn(table) ? { head, isAfter: isInEndHalf(event, head) } : null);
    if (goal) event.preventDefault();
  }

  function isInEndHalf(event, head) {
    const { left, width } = head.getBoundingClientRect();
    return event.clientX > left + width / 2;
  }

  function show(next) {
    if (goal) delete goal.head.dataset.drop;
    goal = next;
    if (goal) goal.head.dataset.drop = goal.isAfter ? "after" : "before";
  }

  function put(event) {
    const table = dragged && goal?.head.closest("table");
    if (!table?.isConnected) return end();
    event.preventDefault();
    const heads = headsOf(table);
    const from = heads.indexOf(draggedIn(table));
    const to = heads.indexOf(goal.head) + (goal.isAfter ? 1 : 0);
    const by = (to > from ? to - 1 : to) - from;
    if (by) window.htmx.ajax("POST", table.dataset.columns, { target: "#view", values: { column: dragged, by } });
    end(); // nobody says so of a head that has been replaced
  }

  function end() {
    show(null);
    for (const head of document.querySelectorAll("th[data-dragged]")) delete head.dataset.dragged;
    dragged = "";
  }

  const listeners = { dragstart: take, dragover: consider, drop: put, dragend: end };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
