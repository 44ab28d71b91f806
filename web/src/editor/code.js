// The code editor: CodeMirror for Lua, with what `check` finds drawn at its place. It stands in a shadow root, because a page
// without inline styles (content security policy) takes CodeMirror's only as constructed style sheets, which it uses there.
import { autocompletion, closeBrackets, closeBracketsKeymap, completeAnyWord, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { HighlightStyle, StreamLanguage, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lua } from '@codemirror/legacy-modes/mode/lua';
import { lintGutter, lintKeymap, nextDiagnostic, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, drawSelection, highlightActiveLine, gutters, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const theme = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', backgroundColor: 'var(--surface)', color: 'var(--text)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6' },
  '.cm-content': { padding: '10px 0', caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--text-faint)', border: 'none', paddingRight: '6px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--raised) 55%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', color: 'inherit' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', border: '1px solid var(--line)', color: 'var(--text)', borderRadius: '6px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-panels': { backgroundColor: 'var(--raised)', color: 'var(--text)' },
  '.cm-diagnosticText': { color: 'var(--text)', fontFamily: 'var(--font)' },
  // CodeMirror's own marks are images within its styles, which the page's policy does not load.
  '.cm-lintRange-active': { backgroundColor: 'var(--warn-soft)' },
  '.cm-lintRange-info, .cm-lintRange-hint': { backgroundImage: 'none' },
  '.cm-lint-marker': { width: '8px', height: '8px', margin: '6px 2px', borderRadius: '50%', backgroundColor: 'var(--line-strong)' },
  '.cm-lint-marker-error, .cm-lint-marker-warning, .cm-lint-marker-info': { content: 'none' },
  '.cm-lint-marker-error': { backgroundColor: 'var(--down)' },
  '.cm-lint-marker-warning': { backgroundColor: 'var(--warn)' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--down) 1.5px', textUnderlineOffset: '3px' },
  '.cm-lintRange-warning': { backgroundImage: 'none', textDecoration: 'underline wavy var(--warn) 1.5px', textUnderlineOffset: '3px' },
});

const colors = HighlightStyle.define([
  { tag: tags.keyword, color: 'light-dark(#8a2f9c, #d9a1e8)' },
  { tag: tags.string, color: 'light-dark(#04704e, #6fd3a8)' },
  { tag: [tags.number, tags.bool, tags.atom], color: 'light-dark(#9a4a00, #f0b27a)' },
  { tag: tags.comment, color: 'var(--text-faint)', fontStyle: 'italic' },
  { tag: [tags.standard(tags.variableName), tags.function(tags.variableName)], color: 'light-dark(#2456c8, #8cb2ff)' },
]);

function diagnosticOf(doc, { line, column, end_column: end, severity, message, hint }) {
  const at = doc.line(Math.min(Math.max(1, line || 1), doc.lines));
  const from = Math.min(at.to, at.from + Math.max(0, (column || 1) - 1));
  const to = Math.min(at.to, Math.max(from + 1, at.from + (end || column || 1)));
  return { from, to: Math.max(from, to), severity, message: hint ? `${message}\n${hint}` : message };
}

export class CodeEditor {
  /** `onChange(text)` after each change by the reader, `onSave` on Ctrl+S. */
  constructor(host, { text, isReadOnly = false, onChange, onSave }) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open', delegatesFocus: true });
    root.textContent = '';
    this.access = new Compartment();
    this.view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(), lintGutter(), gutters({ fixed: false }), // lines wrap, and the ring of the focus goes around all of it
          history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), highlightActiveLine(), highlightActiveLineGutter(),
          highlightSelectionMatches(), search({ top: true }), autocompletion({ override: [completeAnyWord] }), StreamLanguage.define(lua), indentUnit.of('  '),
          syntaxHighlighting(colors), theme, EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'Source of the trader, Lua', spellcheck: 'false', autocapitalize: 'off' }),
          this.access.of(EditorState.readOnly.of(isReadOnly)),
          keymap.of([
            { key: 'Mod-s', preventDefault: true, run: () => { onSave(); return true; } },
            { key: 'F8', run: nextDiagnostic },
            ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap, indentWithTab,
          ]),
          EditorView.updateListener.of(update => { if (update.docChanged && !this.isSetting) onChange(update.state.doc.toString()); }),
        ],
      }),
    });
  }

  close() { this.view.destroy(); }
  get text() { return this.view.state.doc.toString(); }

  /** Replaces everything; not told as a change. */
  set(text) {
    this.isSetting = true;
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
    this.isSetting = false;
  }

  allow(isReadOnly) { this.view.dispatch({ effects: this.access.reconfigure(EditorState.readOnly.of(isReadOnly)) }); }

  /** Errors and warnings in the text; notes, such as what it costs, are no places to go to. */
  show(findings) {
    const { state } = this.view;
    this.view.dispatch(setDiagnostics(state, findings.filter(it => it.severity !== 'note').map(it => diagnosticOf(state.doc, it))));
  }

  /** The cursor to a place, which comes into sight, and the focus with it. */
  jump(line, column = 1) {
    const { doc } = this.view.state, at = doc.line(Math.min(Math.max(1, line), doc.lines));
    const anchor = Math.min(at.to, at.from + Math.max(0, column - 1));
    this.view.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
    this.view.focus();
  }

  focus() { this.view.focus(); }
}
