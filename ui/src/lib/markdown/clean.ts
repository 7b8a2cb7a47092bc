// The last gate before HTML from a model is put on the page.
import DOMPurify from 'dompurify';

export const clean = (html: string): string =>
  DOMPurify.sanitize(html, {
    USE_PROFILES: { html: true },
    ADD_ATTR: ['data-copy', 'tabindex'],
    FORBID_TAGS: ['style', 'form', 'input', 'textarea', 'select', 'img', 'video', 'audio'],
    FORBID_ATTR: ['style', 'id'],
  });
