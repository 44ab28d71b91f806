// @ts-check
// Where a token comes from: a text, or a function for one that changes, such as a user's, which lasts an hour.

/** @typedef {import('./types.d.ts').TokenSource} TokenSource */

/** The token as it is now. @param {TokenSource} source @returns {Promise<string>} */
export async function tokenOf(source) { return typeof source === 'function' ? source() : source; }
