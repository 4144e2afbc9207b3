import { newDigestKey, personalDigest } from './personal.js';

describe('keys of digests', () => {
  it('are of 32 bytes, each its own and in memory of its own', () => {
    const keys = Array.from({ length: 300 }, newDigestKey);
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(keys.length);
    expect(keys.every((key) => key.length === 32)).toBe(true);
    const [first, second] = keys as [Buffer, Buffer];
    const before = personalDigest(second, 'email', 'a@example.com');
    first.fill(0);
    expect(personalDigest(second, 'email', 'a@example.com')).toBe(before);
  });
});
