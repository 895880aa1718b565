/** The recipes with an ensemble of ours. */
import { after, before } from 'node:test';
import { Ensemble } from '../../engine/index.ts';
import { recipeScenarios } from '../support/recipe-scenarios.ts';

let ensemble: Ensemble;
before(async () => {
  ensemble = await Ensemble.start();
});
after(() => ensemble.close());

recipeScenarios(() => ensemble.connectString);
