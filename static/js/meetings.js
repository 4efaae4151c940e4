// Meetings open in place of their line in a feed, one at a time. An open one is an entry of the history of its own,
// with the meeting's address and title: Back closes it, Forward opens it again.
(() => {
  "use strict";

  const cards = new Map(); // by the name of the entry: { card, title, meeting: its id, feed: { place, address, title } }
  let line = null; // what the open card stands for
  let coming = null; // what is known of a card before it is there
  let isClosing = false;

  const openCard = () => document.querySelector("#tab article.event");
  const lineOf = (meeting) => document.querySelector(`#tab article[data-event="${meeting}"]:has(.act__open)`);

  function putBack() {
    openCard()?.replaceWith(line);
    window.htmx.process(line);
  }

  function keepLine(event) {
    const { target, xhr } = event.detail;
    if (!target.matches?.("#tab article.act[data-kind='meeting']") || xhr.status !== 200) return;
    const before = openCard() && cards.get(window.places.here());
    if (before) putBack();
    line = target;
    const feed = before?.feed ?? { place: window.places.here(), address: location.href, title: document.title };
    coming = { meeting: target.dataset.event, feed, isInstead: Boolean(before) };
  }

  // Closing leads back by one entry, also from the second one that was looked at.
  function pushOnce(event) {
    if (coming?.isInstead) event.detail.history.type = "replace";
  }

  // What the record makes of the event, such as “Next calendar interaction”, stood in its line.
  function show() {
    const card = coming && openCard();
    if (!card) return;
    const { meeting, feed } = coming;
    coming = null;
    const tags = [...line.querySelectorAll(".act__line .tag")].map((tag) => tag.cloneNode(true));
    card.querySelector("[data-close-event]").before(...tags);
    cards.set(window.places.here(), { card, title: document.title, meeting, feed });
    history.replaceState({ ...history.state, feed: feed.address, meeting }, "", line.querySelector(".act__open").href);
    focusHeading(card);
  }

  function focusHeading(card) {
    const heading = card.querySelector("h3");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }

  // --- Closing, and the way back and forth

  function close() {
    if (!openCard() || isClosing) return;
    isClosing = true;
    history.back();
  }

  function travel(event) {
    const { from, to } = event.detail;
    const [left, wanted] = [cards.get(from), cards.get(to)];
    isClosing = false;
    if ((left?.feed.place ?? from) !== (wanted?.feed.place ?? to)) return;
    const isThere = left ? openCard() === left.card : lineOf(wanted.meeting);
    if (!isThere) return;
    event.preventDefault();
    if (left) hide(left);
    else reopen(wanted);
  }

  function hide({ feed }) {
    putBack();
    document.title = feed.title;
    line.querySelector("a")?.focus({ preventScroll: true });
  }

  function reopen({ card, title, meeting }) {
    line = lineOf(meeting);
    line.replaceWith(card);
    document.title = title;
    focusHeading(card);
  }

  // --- Come back from elsewhere to an open one: it is opened again as soon as its line is there (see places.js)

  let wanted = history.state?.feed === location.href ? history.state.meeting : null;

  function openAgain() {
    const link = wanted && lineOf(wanted)?.querySelector(".act__open");
    if (!link) return;
    wanted = null;
    window.htmx.ajax("GET", link.href, { target: link.closest("article"), swap: "outerHTML" });
  }

  function onKey(event) {
    const isFree = !event.target.closest("form, input, #why") && !document.querySelector("dialog[open], :popover-open");
    if (event.key === "Escape" && !event.defaultPrevented && isFree) close();
  }

  const listeners = {
    "click": (event) => event.target.closest("[data-close-event]") && close(),
    "keydown": onKey,
    "travel": travel,
    "htmx:beforeSwap": keepLine,
    "htmx:beforeHistoryUpdate": pushOnce,
    "htmx:afterSettle": () => { show(); openAgain(); },
    "htmx:load": openAgain,
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
