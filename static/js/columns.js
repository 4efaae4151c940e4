// Columns are dragged to another place by their heads. Without a pointer, the menu of each does the same.
(() => {
  "use strict";

  let dragged = null; // the head that is on its way
  let goal = null; // { head, isAfter }: where it would be put

  const headsOf = (table) => [...table.querySelectorAll("thead th[data-column]")];

  function take(event) {
    const head = event.target.closest?.("th[data-column]");
    if (!head) return;
    dragged = head;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", head.querySelector(".col-head").textContent.trim());
    event.dataTransfer.setDragImage(head, 0, 0);
    head.dataset.dragged = "";
  }

  // Anywhere in the table: what counts is above which column the pointer is.
  function consider(event) {
    const table = dragged && event.target.closest?.("table");
    if (!table?.contains(dragged)) return;
    const head = headsOf(table).find((one) => {
      const { left, right } = one.getBoundingClientRect();
      return left <= event.clientX && event.clientX < right;
    });
    show(head && head !== dragged ? { head, isAfter: isInEndHalf(event, head) } : null);
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
    const table = dragged?.closest("table");
    if (!table || !goal) return;
    event.preventDefault();
    const heads = headsOf(table);
    const from = heads.indexOf(dragged);
    const to = heads.indexOf(goal.head) + (goal.isAfter ? 1 : 0);
    const by = (to > from ? to - 1 : to) - from;
    const column = dragged.dataset.column;
    if (by) window.htmx.ajax("POST", table.dataset.columns, { target: "#view", values: { column, by } });
  }

  function end() {
    show(null);
    if (dragged) delete dragged.dataset.dragged;
    dragged = null;
  }

  const listeners = { dragstart: take, dragover: consider, drop: put, dragend: end };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
