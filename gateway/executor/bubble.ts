/** Stands for a value that is null and makes null what holds it. */
export const bubble: unique symbol = Symbol('bubble');
