// What the pages need beyond HTML and htmx, wired by data- attributes. Menus, the drawer and dialogs
// open and close by themselves (popover, <dialog>); this only fills the gaps.
(() => {
  "use strict";

  const YEAR = 60 * 60 * 24 * 365;
  const TOAST_TIME = 8000; // long enough to read one, in milliseconds
  const FOCUSABLE = "a[href], button:not([disabled])";
  const FIELDS = "select, textarea, input:not([type=hidden])";

  // --- Cookies: the server reads the viewer's time zone and theme from them, so pages come out right

  function readCookie(name) {
    const pair = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
    return pair ? pair.slice(name.length + 1) : "";
  }

  function keepCookie(name, value) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${name}=${value}; path=/; max-age=${value ? YEAR : 0}; samesite=lax${secure}`;
  }

  function rememberTimeZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && readCookie("timezone") !== zone) keepCookie("timezone", zone);
  }

  // --- Theme

  function chooseTheme(theme) {
    const isForced = theme === "light" || theme === "dark";
    keepCookie("theme", isForced ? theme : "");
    localStorage.setItem("theme", theme); // which other tabs are told of
    if (isForced) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  }

  // Chosen in another tab.
  function followTheme() {
    const theme = readCookie("theme");
    if (document.hidden || theme === (document.documentElement.dataset.theme ?? "")) return;
    chooseTheme(theme);
    for (const one of document.querySelectorAll("[data-theme-switch] input")) one.checked = one.value === (theme || "system");
  }

  // --- Toasts

  function showToast(template, text) {
    const toast = document.getElementById(template).content.firstElementChild.cloneNode(true);
    toast.querySelector("[data-text]").textContent = text;
    const region = document.querySelector(".toasts");
    for (const older of region.querySelectorAll(`[data-from=${template}]`)) older.remove();
    toast.dataset.from = template;
    region.append(toast);
    return toast;
  }

  function showError(text) {
    showToast("error-toast", text);
  }

  // What was done where no page says so.
  function showDone(text) {
    fadeAfterReading(showToast("done-toast", text));
  }

  // A toast that refreshes itself stays hidden for as long as the tab lives; others go for good.
  function dismiss(toast) {
    const name = toast.dataset.hides;
    if (!name) return toast.remove();
    sessionStorage.setItem(`hidden:${name}`, "1");
    toast.hidden = true;
  }

  function hideDismissed(root) {
    const toasts = root.matches("[data-hides]") ? [root] : root.querySelectorAll("[data-hides]");
    for (const toast of toasts) toast.hidden = sessionStorage.getItem(`hidden:${toast.dataset.hides}`) === "1";
  }

  // Put into the live region once it is there, a message that came with the page is read out too.
  function announceToasts() {
    const region = document.querySelector(".toasts");
    for (const toast of region.querySelectorAll("[data-toast]")) {
      region.append(toast);
      if (!("stays" in toast.dataset)) fadeAfterReading(toast);
    }
  }

  function fadeAfterReading(toast) {
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) fadeAfterReading(toast);
      else toast.remove();
    }, TOAST_TIME);
  }

  // --- Focus

  function focusHeading(region) {
    const heading = region.querySelector("h1, h2, h3");
    if (!heading) return;
    if (!heading.hasAttribute("tabindex")) heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }

  // What has an id htmx finds again after a swap. Where the focus is lost with what had it, go on from
  // the same thing, else the heading of the same section, else whatever comes first in what came instead.
  const interrupting = new WeakMap();
  let lost = null; // until it is found again; by then something around it may be coming anew as well

  // As it will be called when it comes again.
  function identityOf(one) {
    const leadsTo = one.getAttribute("href") ?? one.form?.getAttribute("action");
    const value = one.matches("[type=radio], [type=checkbox], button") ? one.value : "";
    const said = !leadsTo && one.matches("button, summary") ? one.getAttribute("aria-label") ?? one.textContent.trim() : "";
    return [one.localName, leadsTo, one.name, value, said].join("\n");
  }

  function again(identity, region) {
    const all = [...region.querySelectorAll(`${FOCUSABLE}, ${FIELDS}, summary`)];
    return all.find((one) => identityOf(one) === identity && one.checkVisibility());
  }

  // A page that is asked for anew as a whole.
  function keepFocus({ detail: { xhr } }) {
    const focused = document.activeElement;
    if (xhr.getResponseHeader("HX-Refresh") && focused !== document.body) sessionStorage.setItem("focus", identityOf(focused));
  }

  function findFocus() {
    const identity = sessionStorage.getItem("focus");
    sessionStorage.removeItem("focus");
    if (identity && document.activeElement === document.body) again(identity, document)?.focus({ preventScroll: true });
  }

  function noteFocus({ detail: { target, xhr } }) {
    const focused = document.activeElement;
    if (target.contains(focused)) {
      const heading = focused.closest("[aria-labelledby]")?.getAttribute("aria-labelledby");
      const button = focused.closest(".menu[popover]") && openerOf(focused)?.id;
      lost = { identity: identityOf(focused), heading, button, around: target.parentElement };
    } else if (focused !== document.body || !target.contains(lost?.around ?? null)) return;
    interrupting.set(xhr, lost);
  }

  function restoreFocus({ target: fresh, detail: { target, xhr } }) {
    const { identity, heading, button } = interrupting.get(xhr) ?? {};
    const opener = button && !document.querySelector(":popover-open") && document.getElementById(button);
    if (opener) opener.focus({ preventScroll: true });
    if (document.activeElement !== document.body) lost = null;
    if (!interrupting.has(xhr) || !lost) return;
    const region = target.isConnected ? target : fresh;
    const place = again(identity, region) || document.getElementById(heading) || region.querySelector("h1, h2, h3");
    const next = place || region.querySelector(`${FOCUSABLE}, ${FIELDS}`) || region;
    if (!next.matches(`${FOCUSABLE}, ${FIELDS}`)) next.tabIndex = -1;
    next.focus({ preventScroll: true });
    if (next.isConnected) lost = null;
  }

  // --- Dialogs: whatever is loaded into the slot is shown; an answer without content means done

  // A menu closes when a dialog opened from it is shown: afterwards one is back where it was opened.
  let opener = null;
  let shown = null; // what the slot was shown with

  function openerOf(element) {
    const menu = element.closest(".menu[popover]");
    return menu ? document.querySelector(`[popovertarget="${menu.id}"]`) : element;
  }

  // Told a moment after it was closed, when the next one may be there already.
  function leaveDialog(slot) {
    if (slot.open || slot.firstElementChild !== shown) return;
    slot.replaceChildren();
    if (document.activeElement === document.body) opener?.focus();
  }

  function showDialog(slot) {
    if (!slot.hasChildNodes()) return; // closed again before it was all there
    if (!slot.open) {
      opener = openerOf(document.activeElement);
      slot.showModal();
    }
    shown = slot.firstElementChild;
    const first = slot.querySelector("[autofocus]");
    if (first) first.focus();
    else focusHeading(slot);
  }

  function noteShown({ detail: { target } }) {
    if (target.id === "dialogs" && target.open) shown = target.firstElementChild;
  }

  // Pressed twice, a dialog is not filled anew under somebody's hands.
  function askOnce(event) {
    const { target, elt } = event.detail;
    if (target.id !== "dialogs" || target.contains(elt)) return;
    const isComing = target.hasChildNodes() && target.firstElementChild !== shown;
    if (target.open || isComing) event.preventDefault();
  }

  function closeWhenDone(event) {
    if (!event.detail.successful || event.detail.xhr.status !== 204) return;
    const place = event.detail.elt.closest("#dialogs, .dialog-page[data-back]");
    if (place?.dataset.back) location.assign(place.dataset.back); // opened by itself
    else place?.close();
  }

  // --- Menus

  // A menu inside the region it changes is replaced with it: open it again, where it was.
  function keepMenuOpen(event) {
    const item = event.detail.elt.closest("[data-keep-open]");
    const menu = !event.defaultPrevented && item && item.closest("[popover]");
    if (!menu) return;
    const place = [...menu.querySelectorAll("[data-keep-open]")].indexOf(item);
    const { scrollTop } = menu;
    const sheet = document.querySelector(".table-wrap");
    const [sheetTop, sheetLeft] = [sheet?.scrollTop, sheet?.scrollLeft];
    const { target, xhr } = event.detail;
    let isOpen = true; // it may be closed while the answer is on its way
    target.addEventListener("htmx:beforeSwap", function look(answered) {
      if (answered.detail.xhr !== xhr) return;
      target.removeEventListener("htmx:beforeSwap", look);
      isOpen = menu.matches(":popover-open");
    });
    target.addEventListener("htmx:afterSettle", function reopen(settled) {
      if (settled.detail.xhr !== xhr) return;
      target.removeEventListener("htmx:afterSettle", reopen);
      document.querySelector(".table-wrap")?.scrollTo(sheetLeft, sheetTop);
      const fresh = document.getElementById(menu.id);
      if (!isOpen || !fresh || fresh.matches(":popover-open")) return;
      const source = document.querySelector(`[popovertarget="${menu.id}"]`);
      source?.focus({ preventScroll: true }); // where one is when the menu closes
      fresh.showPopover({ source });
      fresh.scrollTop = scrollTop;
      fresh.querySelectorAll("[data-keep-open]")[place]?.focus({ preventScroll: true });
    });
  }

  function menuAround(element) {
    const opener = element.closest("[popovertarget]");
    return element.closest(".menu:popover-open")
      || (opener && document.querySelector(`#${opener.getAttribute("popovertarget")}.menu:popover-open`));
  }

  // From the button that opened it, down goes to a menu's first item and up to its last.
  function moveInMenu(event) {
    const isDown = event.key === "ArrowDown";
    if (!isDown && event.key !== "ArrowUp") return;
    const menu = menuAround(event.target);
    if (!menu || event.target.matches("input:not([data-filters])")) return;
    const items = [...menu.querySelectorAll(".menu__item:not([hidden])")].filter((one) => one.matches(FOCUSABLE));
    if (!items.length) return;
    event.preventDefault();
    const at = items.indexOf(event.target);
    const next = at < 0 ? (isDown ? 0 : -1) : (at + (isDown ? 1 : -1)) % items.length;
    items.at(next).focus();
  }

  // --- Keys of the page: free unless what has the focus uses them itself

  const TAKEN = `textarea, select, [contenteditable], input:not([type=checkbox]), form[data-editor]`;

  // A dialog that has just been closed keeps the focus until the next frame.
  window.keyTarget = ({ target }) => target.closest("dialog:not([open])") ? document.body : target;

  window.isFreeKey = (event) => !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey
    && !window.keyTarget(event).closest(TAKEN) && !document.querySelector(":popover-open, dialog[open]");

  // --- Tabs: a strip may be longer than the screen is wide

  const strips = new Map(); // by id: how far it was pushed, and whether the current tab was in sight

  function isInSight(tab) {
    const [outer, inner] = [tab.parentElement.getBoundingClientRect(), tab.getBoundingClientRect()];
    return inner.left >= outer.left && inner.right <= outer.right;
  }

  window.bringIn = (tab) => {
    if (!tab || isInSight(tab)) return;
    const [outer, inner] = [tab.parentElement.getBoundingClientRect(), tab.getBoundingClientRect()];
    const left = inner.left + inner.width / 2 - outer.left - outer.width / 2;
    tab.parentElement.scrollBy({ left, behavior: "instant" });
  };

  const currentOf = (strip) => strip.querySelector("[aria-current]");

  function noteStrip({ detail: { target } }) {
    if (!target.matches(".tabs[id]")) return;
    const current = currentOf(target);
    strips.set(target.id, { left: target.scrollLeft, isAway: Boolean(current) && !isInSight(current) });
  }

  // What comes in place of a strip stands as that did.
  function showCurrentTab(content) {
    const strip = content.matches(".tabs") ? content : content.querySelector(".tabs");
    if (!strip) return;
    const before = strips.get(strip.id);
    if (before) strip.scrollLeft = before.left;
    if (!before?.isAway) window.bringIn(currentOf(strip));
  }

  // --- Wiring

  function onSettled(event) {
    const { target, requestConfig } = event.detail;
    const isLive = window.toldOf(requestConfig);
    if (!isLive && (target.id === "main" || target.id === "tab")) focusHeading(target);
    if (target.id === "dialogs") showDialog(target);
    const isChosen = target.id === "thread" && requestConfig?.elt !== target; // else it has refreshed itself
    if (isChosen) focusHeading(document.getElementById("thread"));
    restoreFocus(event);
  }

  function onClick(event) {
    const hide = event.target.closest("[data-dismiss]");
    if (hide) dismiss(hide.closest(".toast"));
    const copying = event.target.closest("[data-copies]");
    if (copying) copy(copying);
  }

  // --- Lists that are short enough to be searched where they stand

  // Looking for something is no change of the form around it.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-filters]")) event.stopPropagation();
  }, true);

  const listed = (field) => [...document.querySelectorAll(`${field.dataset.filters} > [data-words]`)];

  function filterList(field) {
    const words = field.value.trim().toLowerCase();
    for (const one of listed(field)) one.hidden = !one.dataset.words.includes(words);
  }

  // In a menu the only one that is left is meant. A list is only looked through.
  function takeOnlyMatch(event) {
    const field = event.target;
    if (event.key !== "Enter" || event.isComposing || !field.matches?.(".menu [data-filters]")) return;
    event.preventDefault();
    const left = listed(field).filter((one) => !one.hidden);
    if (left.length !== 1 || !field.value.trim()) return;
    (left[0].matches(FOCUSABLE) ? left[0] : left[0].querySelector(`${FOCUSABLE}, input`))?.click();
  }

  // Said to be buttons, links are pressed like those.
  function pressLink(event) {
    if (event.key !== " " || !event.target.matches?.("a[role=button]")) return;
    event.preventDefault();
    event.target.click();
  }

  // --- What is there to be taken along

  async function copy(button) {
    const from = document.getElementById(button.dataset.copies);
    const text = from.value ?? from.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch { // not over plain http; then it is at least selected
      if (from.select) from.select();
      else getSelection().selectAllChildren(from);
      if (!document.execCommand("copy")) return;
    }
    button.textContent = "Copied";
  }

  function onChange(event) {
    if (event.target.closest("[data-theme-switch]")) chooseTheme(event.target.value);
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  }

  document.addEventListener("visibilitychange", followTheme);
  window.addEventListener("focus", followTheme);
  window.addEventListener("storage", ({ key }) => { if (key === "theme") followTheme(); });
  findFocus();
  rememberTimeZone();
  hideDismissed(document.body);
  announceToasts();
  for (const themes of document.querySelectorAll("[data-theme-switch]")) themes.hidden = false;
  document.getElementById("dialogs").addEventListener("close", (event) => leaveDialog(event.target));

  const listeners = {
    "click": onClick,
    "change": onChange,
    "input": (event) => event.target.matches("[data-filters]") && filterList(event.target),
    "keydown": (event) => { moveInMenu(event); takeOnlyMatch(event); pressLink(event); },
    "done": (event) => showDone(event.detail.text),
    "failed": (event) => showError(event.detail.text),
    "keep": (event) => keepCookie(event.detail.name, event.detail.value),
    "htmx:beforeOnLoad": keepFocus,
    "htmx:beforeRequest": (event) => { askOnce(event); keepMenuOpen(event); },
    "htmx:beforeSwap": (event) => { noteFocus(event); noteStrip(event); },
    "htmx:afterSwap": noteShown,
    "htmx:afterRequest": closeWhenDone,
    "htmx:afterSettle": onSettled,
    "htmx:load": (event) => { hideDismissed(event.detail.elt); showCurrentTab(event.detail.elt); },
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
