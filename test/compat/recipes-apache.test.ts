/** The recipes with Apache ZooKeeper, as Debian packages it. */
import { after, before, describe } from 'node:test';
import { ApacheServer, apacheMissing } from '../support/apache.ts';
import { recipeScenarios } from '../support/recipe-scenarios.ts';

describe('Apache ZooKeeper', { skip: apacheMissing }, () => {
  const server = new ApacheServer();
  before(() => server.start());
  after(() => server.close());

  recipeScenarios(() => server.connectString);
});
