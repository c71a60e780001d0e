/**
 * Under this name `doctor` stages a value and discards it at once. No rotation ever has it: an id goes on with 20
 * characters that sort by time.
 */
export const PROBE_ROTATION = "rot_doctor";
