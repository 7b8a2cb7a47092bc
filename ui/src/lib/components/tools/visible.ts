// Text of others that a user decides about: letters that turn the direction of what follows would show
// another order than the one that is run. Pure.
const TURNING = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export const visible = (text: string): string =>
  text.replace(TURNING, (letter) => `\\u${letter.charCodeAt(0).toString(16)}`);
