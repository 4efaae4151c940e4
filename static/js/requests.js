// Requests on their way: which of them count, what an answer that is none means, and nothing sent twice.
(() => {
  "use strict";

  const SETTLED = 500; // an answer is in its place by then, in milliseconds
  const SLOW = 150; // below this a wait is not worth showing, in milliseconds

  // The toast is app.js's.
  const fail = (text) => window.htmx.trigger(document.body, "failed", { text });

  const csrfToken = window.csrfToken = () => /(?:^|; )csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? "";

  // The cookie's, which is the newest: somebody may have signed in anew in another tab.
  function addCsrfToken(event) {
    event.detail.headers["X-CSRFToken"] = csrfToken();
    delete event.detail.parameters.csrfmiddlewaretoken;
  }

  // The last press counts: what was asked for before it, for the same place, is no longer wanted. What only
  // refreshes itself gives way.
  const REGIONS = new Set(["view", "threads", "thread", "feed", "tab", "main", "filter-editor", "attribute-menu", "dialogs", "why"]);
  const underway = new Map(); // by the id of the place: { xhr, isRefresh }
  const outdated = new WeakSet();

  // What has been told that a region refreshes itself for, or null. It may be what the page knows by itself.
  const toldOf = window.toldOf = (config) => config?.triggeringEvent?.type === "live" ? config.triggeringEvent.detail : null;
  const refreshes = ({ triggeringEvent }) => /^live$|-changed$/.test(triggeringEvent?.type ?? "");

  function giveWay(event) {
    const { target, requestConfig } = event.detail;
    const before = underway.get(target.id);
    if (before && !before.isRefresh && refreshes(requestConfig)) event.preventDefault();
  }

  function supersede(event) {
    const { target, xhr, requestConfig } = event.detail;
    if (!REGIONS.has(target.id) || requestConfig.verb !== "get") return;
    if (underway.has(target.id)) outdated.add(underway.get(target.id).xhr);
    underway.set(target.id, { xhr, isRefresh: refreshes(requestConfig) });
    xhr.addEventListener("loadend", () => underway.get(target.id)?.xhr === xhr && underway.delete(target.id));
  }

  // Told where it was asked from, as the place may be another by now.
  function refuseOutdated(event) {
    if (outdated.has(event.detail.xhr)) event.preventDefault();
  }

  // What somebody opens in another tab or window is the browser's.
  function leaveToBrowser(event) {
    const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
    if (isElsewhere && event.target.closest?.("a[href][hx-get]")) event.stopPropagation();
  }

  // What changes the table as it is waits for the change before it, and is then pressed as it stands there.
  const turns = []; // what is to be pressed, by its data-in-turn
  let changing = null; // the request whose turn it is

  function waitTurn(event) {
    const { elt, target, requestConfig } = event.detail;
    const { inTurn } = elt.dataset;
    const isChange = inTurn || (target.id === "view" && requestConfig.verb === "post");
    if (!isChange || !changing) return;
    event.preventDefault();
    if (inTurn) turns.push(inTurn);
    else fail("The table is still changing. Try again in a moment.");
  }

  function takeTurn({ detail: { elt, target, xhr, requestConfig } }) {
    if (target.id !== "view" || !(elt.dataset.inTurn || requestConfig.verb === "post")) return;
    changing = xhr;
    xhr.addEventListener("loadend", () => setTimeout(forgetTurn, SETTLED, xhr));
  }

  // Nothing came of it: the answer was no table, or another was there first.
  function forgetTurn(xhr) {
    if (xhr !== changing) return;
    changing = null;
    turns.length = 0;
  }

  // What comes after a change that failed was pressed in the belief that it would not.
  function giveUpTurn({ detail: { xhr, successful } }) {
    if (successful || xhr !== changing) return;
    changing = null;
    if (!outdated.has(xhr)) turns.length = 0;
  }

  function endTurn({ detail: { xhr, target } }) {
    if (xhr === changing) changing = null;
    if (changing || target?.id !== "view") return;
    const next = turns.shift();
    if (next) document.querySelector(`[data-in-turn="${CSS.escape(next)}"]`)?.click();
  }

  // What is being sent is not sent twice.
  const RESEND = 2_000; // a plain form that only starts a download, in milliseconds

  function sendOnce(event) {
    const form = event.target;
    // Forms that say themselves what a second time means are left to it.
    if (form.getAttribute("method")?.toLowerCase() !== "post" || form.hasAttribute("hx-sync")) return;
    if ("sending" in form.dataset) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sending = "";
    const isOurs = form.hasAttribute("hx-post") || event.submitter?.hasAttribute("hx-post");
    setTimeout(() => delete form.dataset.sending, isOurs ? 10 * RESEND : RESEND);
  }

  function sendAgain(event) {
    delete event.detail.elt.closest("form")?.dataset.sending;
  }

  function showWaiting(event) {
    const { target, xhr } = event.detail;
    const timer = setTimeout(() => {
      target.classList.add("htmx-request");
      target.setAttribute("aria-busy", "true");
    }, SLOW);
    xhr.addEventListener("loadend", () => {
      clearTimeout(timer);
      target.classList.remove("htmx-request");
      target.removeAttribute("aria-busy");
    });
  }

  function isSignIn({ responseURL }) {
    const { loginUrl } = document.body.dataset;
    return Boolean(loginUrl && responseURL) && new URL(responseURL).pathname === loginUrl;
  }

  // Signed out meanwhile: the answer is the sign-in page, which belongs in no fragment.
  function refuseSignInPage(event) {
    if (!isSignIn(event.detail.xhr)) return;
    event.detail.shouldSwap = false;
    takeBack(event);
    if (isTyping()) fail("You have been signed out. Sign in in another tab and try again; what you typed stays here.");
    else location.reload();
  }

  function isTyping() {
    const fields = document.querySelectorAll("textarea, input:not([type=hidden], [type=radio], [type=checkbox])");
    return [...fields].some((field) => field.value.trim() && field.value !== field.defaultValue);
  }

  // A choice that is saved at once, and was not, is what it was: as it came, or as it was saved since.
  const choices = (event) => event.detail.elt.closest?.("form[hx-trigger^='change']");
  const sent = new WeakMap(); // by request: the fields as they were

  function takeBack(event) {
    choices(event)?.reset();
  }

  function noteSent(event) {
    const fields = [...(choices(event)?.elements ?? [])];
    sent.set(event.detail.xhr, fields.map((field) => [field, field.checked, field.selectedIndex]));
  }

  function noteSaved(event) {
    const { successful, xhr } = event.detail;
    if (!successful || isSignIn(xhr)) return;
    for (const [field, checked, selected] of sent.get(xhr) ?? []) {
      field.defaultChecked = checked;
      for (const option of field.options ?? []) option.defaultSelected = option.index === selected;
    }
  }

  // A sentence of ours, rather than a page.
  function reasonOf(xhr) {
    const said = xhr.responseText.trim();
    return said.length < 300 && !said.startsWith("<") ? said : "";
  }

  // On the page of a record that somebody else has just deleted, or merged. Undone, its head comes again.
  const recordKey = () => document.getElementById("record-head")?.dataset.live.split(" ")[0];

  function noteGone({ detail: { topics = [] } }) {
    if (topics.includes(`gone:${recordKey()}`)) sayGone();
  }

  function noteBack({ detail: { target, shouldSwap } }) {
    if (shouldSwap && target.id === "record-head") document.getElementById("gone")?.remove();
  }

  function sayGone() {
    const page = document.querySelector("main.record");
    if (!page || document.getElementById("gone")) return;
    const said = document.createElement("p");
    const look = Object.assign(document.createElement("a"), { href: location.href, className: "btn btn--sm", textContent: "Look again" });
    Object.assign(said, { id: "gone", className: "notice", role: "alert" });
    said.dataset.tone = "amber";
    said.append("This has just been deleted or merged into another. What you see is how it was.", look);
    page.prepend(said);
  }

  // What may not be seen any more, or is not there; in its words, where it says something in its place.
  function takeAway(region) {
    const { gone } = region.dataset;
    if (gone === undefined) return;
    if (!gone) return region.remove();
    const said = Object.assign(document.createElement("div"), { className: "empty" });
    said.append(Object.assign(document.createElement("h2"), { textContent: gone }));
    region.replaceChildren(said);
    if (region.matches("main, .settings__page")) document.title = `${gone} · ${document.title.split(" · ").at(-1)}`;
  }

  // By live.js: nobody has pressed anything, and it is made up for.
  function isAskedAgain({ xhr: { status }, requestConfig }) {
    return toldOf(requestConfig) && (status < 400 || status >= 500);
  }

  function explainFailure(event) {
    const { xhr } = event.detail;
    const { status } = xhr;
    // What only refreshes itself may find that it is gone: nobody has pressed anything.
    if (outdated.has(xhr)) return;
    if (isAskedAgain(event.detail)) return;
    if ([403, 404].includes(status) && refreshes(event.detail.requestConfig)) {
      if (event.detail.requestConfig.path.endsWith("/header/")) sayGone(); // other parts may be gone by themselves
      takeAway(event.detail.elt);
      return;
    }
    takeBack(event);
    if (status === 400 && reasonOf(xhr)) fail(reasonOf(xhr));
    else if (status === 403) fail("You may not do this, or you have signed in anew. Reload the page and try again.");
    else if (status === 404) fail("This is no longer here.");
    else if (status === 413) fail("This file is larger than the server in front of this one lets through. Nothing has been uploaded; whoever runs it can raise the limit.");
    else if (status === 429) fail("Too many requests at once. Try again in a minute.");
    else if (status === 503) fail("A part of the installation does not answer. Nothing here has changed; try again in a moment.");
    else if (status === 507) fail(reasonOf(xhr) || "The server has no room for it.");
    else if (status < 500) fail("This could not be understood. Reload the page and try again.");
    else fail("Something went wrong on our side. Nothing here has changed; try again in a moment.");
  }

  function onSendError(event) {
    if (isAskedAgain(event.detail)) return;
    takeBack(event);
    fail("The server does not answer. Check your connection and try again.");
  }

  document.addEventListener("click", leaveToBrowser, true);
  document.addEventListener("submit", sendOnce, true);
  const listeners = {
    live: noteGone,
    "htmx:configRequest": addCsrfToken,
    "htmx:beforeRequest": (event) => { giveWay(event); waitTurn(event); },
    "htmx:beforeSend": (event) => { supersede(event); takeTurn(event); noteSent(event); showWaiting(event); },
    "htmx:beforeOnLoad": refuseOutdated,
    "htmx:beforeSwap": (event) => { refuseOutdated(event); refuseSignInPage(event); noteBack(event); },
    "htmx:afterRequest": (event) => { sendAgain(event); noteSaved(event); giveUpTurn(event); },
    "htmx:afterSettle": endTurn,
    "htmx:responseError": explainFailure,
    "htmx:sendError": onSendError,
    "htmx:timeout": () => fail("The server took too long. Try again in a moment."),
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
