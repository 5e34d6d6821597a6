/** What is unsafe in a server's settings, from the sections `memory` and `persistence` of its INFO; a sentence each. */
export function settingWarnings(info: string): string[] {
  const valueOf = (name: string): string | undefined => new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1];
  const warnings: string[] = [];
  const policy = valueOf('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    warnings.push(
      `maxmemory-policy is ${policy}: Redis drops profiles and marks of erasure when its memory is full. Set noeviction.`,
    );
  }
  if (valueOf('aof_enabled') === '0') {
    warnings.push('appendonly is no: a restart of Redis loses profiles. Set appendonly yes, appendfsync everysec.');
  }
  return warnings;
}
