// Editors of one attribute, wherever they stand: [data-edits] opens one in place, Enter saves, Escape leaves
// it as it was, and the focus comes back to where it was opened.
(() => {
  "use strict";

  const FOCUSABLE = "a[href], button:not([disabled]), input:not([type=hidden])";

  function editorOf(element) {
    return element.closest?.("[data-editor]");
  }

  // Whole texts are replaced more often than mended. It can be typed in before htmx settles: an Enter as quick
  // as that is htmx's as well.
  function begin(event) {
    const editor = editorOf(event.target) || event.target.querySelector?.("[data-editor]");
    if (editor) window.htmx.process(editor);
    if (editor?.dataset.editor === "text") editor.querySelector("[autofocus]").select();
  }

  function leave(editor) {
    editor.querySelector("[data-cancel]").click();
  }

  function press(event) {
    const editor = editorOf(event.target);
    if (!editor || event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      leave(editor);
    } else if (event.key === "Enter" && event.target.matches("textarea") && !event.shiftKey) {
      event.preventDefault();
      editor.requestSubmit();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      moveInChoices(event, editor);
    }
  }

  function moveInChoices(event, editor) {
    const list = editor.querySelector("[data-choices]");
    if (!list) return;
    event.preventDefault();
    const stops = [editor.querySelector("input[type=search]"), ...list.querySelectorAll("button:not([disabled])")];
    const step = event.key === "ArrowDown" ? 1 : stops.length - 1;
    stops[(stops.indexOf(event.target) + step) % stops.length]?.focus();
  }

  // What was found for other words is not what Enter means. Enter takes the first button, if that is enabled.
  function distrust(event) {
    const editor = editorOf(event.target);
    const list = editor?.querySelector("[data-choices]");
    const field = editor?.querySelector("input[type=search]");
    if (!list || !field) return;
    const isOld = field.value.trim() !== (list.dataset.words ?? field.defaultValue).trim();
    for (const button of list.querySelectorAll("button:not([hidden])")) button.disabled = isOld;
  }

  function noteWords(event) {
    const { target, requestConfig } = event.detail;
    if (!target.matches?.("[data-choices]")) return;
    target.dataset.words = requestConfig.parameters.q ?? "";
    distrust(event);
  }

  // Somebody goes on elsewhere: what was typed is kept, and what was only looked at is closed.
  function wander(event) {
    const editor = editorOf(event.target);
    const next = event.relatedTarget;
    if (!editor || !next || editor.contains(next) || editor.closest(".editor-page")) return;
    const field = editor.querySelector("input[name=value], textarea[name=value]");
    const isTyped = field && field.value !== field.defaultValue;
    if (isTyped) editor.requestSubmit();
    else leave(editor);
  }

  // --- Focus

  const places = new WeakMap();

  function notePlace(event) {
    const editor = editorOf(event.detail.elt);
    if (editor && editor.contains(document.activeElement)) places.set(event.detail.xhr, editor.parentElement);
  }

  function comeBack(event) {
    const place = places.get(event.detail.xhr);
    if (!place?.isConnected || document.activeElement !== document.body) return;
    const field = place.querySelector("[data-editor] [autofocus]");
    const next = field || (place.matches("[tabindex]") ? place : place.querySelector(FOCUSABLE));
    next?.focus({ preventScroll: true });
  }

  const listeners = {
    "keydown": press,
    "focusout": wander,
    "htmx:beforeSwap": notePlace,
    "input": distrust,
    "htmx:afterSwap": (event) => { noteWords(event); begin(event); },
    "htmx:afterRequest": comeBack,
  };
  for (const [name, listener] of Object.entries(listeners)) document.body.addEventListener(name, listener);
})();
