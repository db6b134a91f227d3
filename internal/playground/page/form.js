// The forms that lie over the conversation: a person's open modals, the one on top in front, and confirm dialogs.

import { drawBlocks, el, textObject } from './blocks.js';

const veil = document.getElementById('modal');
const asking = document.getElementById('confirm');

// drafts hold what is typed but not yet told to the workspace, by view id; a new hash begins anew from what the
// workspace holds.
const drafts = new Map();
let drawn = '';
let before = null; // what had the focus before the first form opened

// drawModals shows a person's stack of forms. app gives people, send and refresh.
export function drawModals(person, views, app) {
  const view = views[views.length - 1];
  const sign = view ? JSON.stringify([person, view.id, view.hash, view.errors, view.trouble]) : '';
  if (sign === drawn) return;
  drawn = sign;
  if (!view) {
    veil.hidden = true;
    veil.replaceChildren();
    drafts.clear();
    document.getElementById('app').inert = false;
    if (before && before.isConnected) before.focus();
    before = null;
    return;
  }
  if (veil.hidden) before = document.activeElement;
  let draft = drafts.get(view.id);
  if (!draft || draft.hash !== view.hash) {
    draft = { hash: view.hash, values: structuredClone((view.inputs && view.inputs.values) || {}) };
    drafts.set(view.id, draft);
  }
  const dialog = formOf(person, view, draft, app);
  veil.replaceChildren(...views.slice(0, -1).map(() => el('div', { class: 'under', 'aria-hidden': 'true' })), dialog);
  veil.hidden = false;
  document.getElementById('app').inert = true;
  const first = ['.bad input, .bad textarea, .bad select', '.body input, .body textarea, .body select', 'footer .primary', 'footer button'].map((s) => dialog.querySelector(s)).find(Boolean);
  first.focus();
}

function formOf(person, view, draft, app) {
  const values = draft.values;
  const errors = view.errors || {};
  const target = (b, e) => ({ view: view.id, block_id: b.block_id, action_id: e.action_id });
  const close = async () => { await app.send('close', { person, view: view.id }); await app.refresh(); };
  const context = {
    people: app.people,
    input: (b) => drawInput(b, errors[b.block_id], {
      value: (values[b.block_id] || {})[b.element.action_id] || {},
      keep: (v) => { values[b.block_id] = { [b.element.action_id]: { type: b.element.type, ...v } }; },
      options: async (text) => (await app.send('options', { person, target: target(b, b.element), text, values })).options || [],
    }),
    act: async (b, e, node) => {
      if (e.confirm && !(await confirmed(e.confirm, app.people))) return;
      node.disabled = true;
      await app.send('click', { person, target: target(b, e), values });
      node.disabled = false;
      await app.refresh();
    },
  };
  const submit = async (event) => {
    event.preventDefault();
    const button = dialog.querySelector('[data-action=submit]');
    if (!button || button.disabled) return;
    button.disabled = true;
    drawn = ''; // what comes back is drawn, the same errors too
    await app.send('submit', { person, view: view.id, values });
    button.disabled = false;
    await app.refresh();
  };
  const dialog = el('form', { class: 'dialog', role: 'dialog', 'aria-modal': 'true', 'aria-labelledby': 'modal-title', tabindex: '-1', novalidate: true, onsubmit: submit,
    onkeydown: (event) => { if (event.key === 'Escape') close(); else trap(event); } },
  el('header', {}, el('h2', { id: 'modal-title' }, view.title.text),
    el('button', { type: 'button', class: 'x', 'aria-label': 'Close', onclick: close }, '×')),
  el('div', { class: 'body' },
    view.trouble && el('div', { class: 'alert error', role: 'alert' }, view.trouble),
    drawBlocks(view.blocks, context)),
  el('footer', {},
    el('button', { type: 'button', class: 'btn', 'data-action': 'close', onclick: close }, view.close ? view.close.text : 'Close'),
    view.submit && el('button', { type: 'submit', class: 'btn primary', 'data-action': 'submit' }, view.submit.text)));
  return dialog;
}

// trap keeps the focus inside a dialog.
function trap(event) {
  if (event.key !== 'Tab') return;
  const stops = [...event.currentTarget.querySelectorAll('input, textarea, button, select, a[href]')].filter((n) => !n.disabled && n.offsetParent);
  const first = stops[0];
  const last = stops[stops.length - 1];
  if (event.shiftKey && document.activeElement === first) { event.preventDefault(); last.focus(); }
  else if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); first.focus(); }
}

// confirmed asks what Slack asks before it tells the app about a click.
export function confirmed(c, people) {
  return new Promise((resolve) => {
    const focus = document.activeElement;
    const done = (yes) => { asking.hidden = true; asking.replaceChildren(); if (focus) focus.focus(); resolve(yes); };
    const no = el('button', { type: 'button', class: 'btn', 'data-action': 'go-back', onclick: () => done(false) }, c.deny ? c.deny.text : 'Cancel');
    asking.replaceChildren(el('div', { class: 'dialog small', role: 'alertdialog', 'aria-modal': 'true', 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text',
      onkeydown: (event) => { if (event.key === 'Escape') { event.stopPropagation(); done(false); } else trap(event); } },
    el('header', {}, el('h2', { id: 'confirm-title' }, c.title.text)),
    el('div', { class: 'body', id: 'confirm-text' }, textObject(c.text, people)),
    el('footer', {}, no, el('button', { type: 'button', class: 'btn ' + (c.style === 'danger' ? 'danger' : 'primary'), 'data-action': 'confirm', onclick: () => done(true) }, c.confirm.text))));
    asking.hidden = false;
    no.focus();
  });
}

// drawInput draws an input block with its label, help and error.
function drawInput(b, error, form) {
  const id = 'in-' + b.block_id;
  const described = [b.hint && id + '-help', error && id + '-wrong'].filter(Boolean).join(' ') || undefined;
  const label = [b.label.text, b.optional && el('span', { class: 'optional' }, ' (optional)')];
  const group = b.element.type === 'radio_buttons';
  return el('div', { class: 'input' + (error ? ' bad' : ''), 'data-block': b.block_id,
    role: group && 'radiogroup', 'aria-labelledby': group && id + '-label', 'aria-describedby': group && described },
  group ? el('span', { class: 'label', id: id + '-label' }, ...label) : el('label', { class: 'label', for: id }, ...label),
  drawControl(b.element, { id, 'aria-describedby': described, 'aria-invalid': error && 'true', 'aria-required': b.optional ? undefined : 'true' }, form),
  error && el('div', { class: 'wrong', id: id + '-wrong', role: 'alert' }, error),
  b.hint && el('div', { class: 'help', id: id + '-help' }, b.hint.text));
}

function drawControl(e, common, form) {
  switch (e.type) {
    case 'plain_text_input': {
      const control = el(e.multiline ? 'textarea' : 'input', {
        ...common, type: e.multiline ? undefined : 'text', rows: e.multiline ? 3 : undefined, maxlength: e.max_length,
        placeholder: e.placeholder && e.placeholder.text, autocomplete: 'off', oninput: () => form.keep({ value: control.value || null }),
      });
      control.value = form.value.value || '';
      return control;
    }
    case 'external_select': return combo(e, common, form);
    case 'static_select': return choice(e, common, form);
    case 'radio_buttons':
      return el('div', {}, ...e.options.map((o) => el('label', { class: 'radio' },
        el('input', {
          type: 'radio', name: common.id, value: o.value, checked: form.value.selected_option && form.value.selected_option.value === o.value,
          onchange: () => form.keep({ selected_option: o }),
        }), el('span', {}, o.text.text, o.description && el('small', {}, o.description.text)))));
    default: return el('div', { class: 'unknown', role: 'alert' }, 'Unknown input: ' + e.type);
  }
}

// choice is a short list that the form itself carries.
function choice(e, common, form) {
  const chosen = form.value.selected_option && form.value.selected_option.value;
  return el('div', { class: 'choice' }, el('select', {
    ...common, onchange: (event) => form.keep({ selected_option: e.options.find((o) => o.value === event.currentTarget.value) || null }),
  }, el('option', { value: '' }, (e.placeholder && e.placeholder.text) || 'Choose'),
  ...e.options.map((o) => el('option', { value: o.value, selected: o.value === chosen }, o.text.text))));
}

// combo is a text field with a list that the app fills as one types (Slack's external select). Leaving it without a
// choice brings back what was chosen before; leaving it empty clears the choice.
function combo(e, common, form) {
  const { id } = common;
  const list = el('ul', { role: 'listbox', id: id + '-list', hidden: true, 'aria-label': 'Suggestions' });
  const field = el('input', {
    ...common, type: 'text', role: 'combobox', 'aria-expanded': 'false', 'aria-controls': id + '-list', 'aria-autocomplete': 'list',
    autocomplete: 'off', spellcheck: 'false', placeholder: e.placeholder && e.placeholder.text,
  });
  let chosen = form.value.selected_option || null;
  let options = [];
  let at = -1;
  let asked = 0;
  const shown = () => (chosen ? chosen.text.text : '');
  field.value = shown();
  const close = () => {
    asked++;
    list.hidden = true;
    field.setAttribute('aria-expanded', 'false');
    field.removeAttribute('aria-activedescendant');
  };
  const choose = (o) => { chosen = o; form.keep({ selected_option: o }); field.value = shown(); close(); };
  const mark = (n) => {
    at = n;
    [...list.children].forEach((li, i) => li.setAttribute('aria-selected', i === at ? 'true' : 'false'));
    if (!options[at]) { field.removeAttribute('aria-activedescendant'); return; }
    field.setAttribute('aria-activedescendant', list.children[at].id);
    list.children[at].scrollIntoView({ block: 'nearest' });
  };
  const fill = (...items) => { list.replaceChildren(...items); list.hidden = false; field.setAttribute('aria-expanded', 'true'); };
  const ask = async (text) => {
    const mine = ++asked;
    if (list.hidden) fill(el('li', { class: 'none' }, 'Searching…'));
    const found = await form.options(text);
    if (mine !== asked) return;
    options = found;
    fill(...(options.length
      ? options.map((o, i) => el('li', { role: 'option', id: id + '-o' + i, 'data-value': o.value, onmousedown: (event) => { event.preventDefault(); choose(o); } }, o.text.text))
      : [el('li', { class: 'none', role: 'option', 'aria-disabled': 'true' }, 'Nothing fits')]));
    mark(options.length && text ? 0 : options.findIndex((o) => chosen && o.value === chosen.value));
  };
  field.addEventListener('focus', () => field.select());
  field.addEventListener('click', () => { if (list.hidden) ask(''); });
  field.addEventListener('input', () => { if (!field.value) { chosen = null; form.keep({ selected_option: null }); } ask(field.value); });
  field.addEventListener('blur', () => { close(); field.value = shown(); });
  field.addEventListener('keydown', (event) => {
    const move = { ArrowDown: Math.min(at + 1, options.length - 1), ArrowUp: Math.max(at - 1, 0), PageDown: Math.min(at + 8, options.length - 1), PageUp: Math.max(at - 8, 0) }[event.key];
    if (move !== undefined) {
      event.preventDefault();
      if (list.hidden) ask(''); else mark(move);
    } else if (event.key === 'Enter' && !list.hidden) {
      event.preventDefault();
      if (options[at]) choose(options[at]);
    } else if (event.key === 'Escape' && !list.hidden) {
      event.stopPropagation();
      close();
      field.value = shown();
    }
  });
  return el('div', { class: 'combo' }, field, list);
}
