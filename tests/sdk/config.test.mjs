// Parameters of the app, by the official JavaScript SDK: saved with the master key, read by everybody.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, describe, test } from 'node:test';

const require = createRequire(`${process.env.TOOLS_NODE}/`);
const Parse = require(process.env.PARSE_SDK);

before(() => {
  Parse.initialize(process.env.APP_ID, undefined, process.env.MASTER_KEY);
  Parse.serverURL = process.env.SERVER_URL;
});

describe('config', () => {
  test('save and get', async () => {
    const date = new Date('2026-01-02T03:04:05.678Z');
    await Parse.Config.save(
      { text: 'x', number: 1.5, list: [1, { two: 2 }], date, place: new Parse.GeoPoint(1, 2), secret: 's' },
      { secret: true },
    );
    const open = await Parse.Config.get();
    assert.deepEqual([open.get('text'), open.get('number'), open.get('list')], ['x', 1.5, [1, { two: 2 }]]);
    assert.deepEqual(open.get('date'), date);
    assert.ok(open.get('place').equals(new Parse.GeoPoint(1, 2)));
    assert.equal(open.get('secret'), undefined);
    assert.equal(Parse.Config.current().get('text'), 'x');
    const all = await Parse.Config.get({ useMasterKey: true });
    assert.equal(all.get('secret'), 's');
  });

  test('parameters that are not named stay', async () => {
    await Parse.Config.save({ kept: 1 });
    await Parse.Config.save({ other: 2 });
    const config = await Parse.Config.get();
    assert.deepEqual([config.get('kept'), config.get('other')], [1, 2]);
  });

  test('a parameter becomes public again when it is saved without its flag', async () => {
    await Parse.Config.save({ shy: 1 }, { shy: true });
    assert.equal((await Parse.Config.get()).get('shy'), undefined);
    await Parse.Config.save({ shy: 2 });
    assert.equal((await Parse.Config.get()).get('shy'), 2);
  });
});
