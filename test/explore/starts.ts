/** Where explorations begin. */
import { ExploredWorld, voters } from './explored-world.ts';

/** Three servers of epoch 1, all at rest; 3 leads. */
export function established(world = new ExploredWorld()): ExploredWorld {
  for (const id of voters) world.add(id);
  world.act((each) => {
    each.startAll();
    each.stabilize();
  });
  return world;
}
