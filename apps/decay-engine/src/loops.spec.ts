import { Logger } from '@nestjs/common';
import { eventually } from '../../../test/support/eventually.js';
import { Loops } from './loops.js';

describe('work that fails', () => {
  it('is said once of each loop, however often they try in turns, and again once it fails after a success', async () => {
    const warned: string[] = [];
    const ignored = (): void => undefined;
    Logger.overrideLogger({
      log: ignored,
      error: ignored,
      debug: ignored,
      warn: ({ reason }: { reason: string }) => void warned.push(reason),
    });
    const loops = new Loops('the work');
    const tries = { first: 0, second: 0 };
    const step = (name: keyof typeof tries) => (): Promise<boolean> => {
      tries[name] += 1;
      return tries[name] === 3 ? Promise.resolve(false) : Promise.reject(new Error(`${name} is away`));
    };
    loops.start(1, step('first'));
    loops.start(1, step('second'));
    try {
      await eventually(() => expect(Math.min(tries.first, tries.second)).toBe(2));
      expect(warned.sort()).toEqual(['first is away', 'second is away']);
      await eventually(() => expect(Math.min(tries.first, tries.second)).toBeGreaterThan(3));
      expect(warned.sort()).toEqual(['first is away', 'first is away', 'second is away', 'second is away']);
    } finally {
      await loops.stop();
      Logger.overrideLogger(true);
    }
  });
});
