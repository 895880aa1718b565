/**
 * Which strings are paths (ZooKeeper's PathUtils): they begin with a slash, do not end with one, have
 * no empty, `.` or `..` component and none of the characters below.
 */
import { pathBytesMax } from '../base/limits.ts';

export function isValidPath(path: string): boolean {
  const length = path.length;
  if (length === 0 || length > pathBytesMax || path.charCodeAt(0) !== slash) return false;
  if (length === 1) return true;
  let component = 0;
  let dots = 0;
  for (let i = 1; i < length; i++) {
    const code = path.charCodeAt(i);
    if (code === slash) {
      if (component === 0 || (component === dots && dots <= 2)) return false;
      component = dots = 0;
      continue;
    }
    if (code < 0x20 || (code >= 0x7f && !isAllowedAbove(code))) return false;
    component++;
    if (code === dot) dots++;
  }
  return component > 0 && !(component === dots && dots <= 2);
}

const slash = 0x2f;
const dot = 0x2e;

function isAllowedAbove(code: number): boolean {
  if (code <= 0x9f) return false;
  if (code >= 0xd800 && code <= 0xf8ff) return false;
  return code < 0xfff0;
}
