// The official JavaScript SDK, unmodified, against one server: objects and queries.
// PARSE_SDK is the module (`parse-8/node`), SERVER_URL the API, STORE `mongodb` or `embedded`.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, describe, test } from 'node:test';

const require = createRequire(`${process.env.TOOLS_NODE}/`);
const Parse = require(process.env.PARSE_SDK);
const embedded = process.env.STORE === 'embedded';
const run = Math.random().toString(36).replace(/[^a-z]/g, '');
const named = (name) => `${name}${run}`;

before(() => {
  Parse.initialize(process.env.APP_ID, undefined, process.env.MASTER_KEY);
  Parse.serverURL = process.env.SERVER_URL;
});

const rejects = (promise, code) => assert.rejects(promise, (error) => {
  assert.equal(error.code, code, error.message);
  return true;
});
const ids = (objects) => objects.map((object) => object.id);

describe('objects', () => {
  const Thing = Parse.Object.extend(named('Thing'));

  test('save and fetch every type', async () => {
    const date = new Date('2026-01-02T03:04:05.678Z');
    const other = await new Thing({ name: 'other' }).save();
    const saved = await new Thing({
      text: 'grüße 🎉', number: 1.5, whole: 42, big: 2 ** 40, yes: true, nothing: null, date,
      list: [1, 'two', { three: [3] }, date], object: { deep: { deeper: [date, null] } },
      pointer: other, place: new Parse.GeoPoint(52.5, 13.4),
      area: new Parse.Polygon([[0, 0], [0, 1], [1, 1], [1, 0]]),
      file: Parse.File.fromJSON({ __type: 'File', name: 'hello.txt', url: 'http://localhost/hello.txt' }),
    }).save();
    assert.match(saved.id, /^[A-Za-z0-9]{10}$/);
    assert.ok(saved.createdAt instanceof Date);
    const found = await new Parse.Query(Thing).get(saved.id);
    assert.equal(found.get('text'), 'grüße 🎉');
    assert.deepEqual([found.get('number'), found.get('whole'), found.get('big'), found.get('yes')], [1.5, 42, 2 ** 40, true]);
    assert.equal(found.get('nothing'), null);
    assert.deepEqual(found.get('date'), date);
    assert.deepEqual(found.get('list'), [1, 'two', { three: [3] }, date]);
    assert.deepEqual(found.get('object'), { deep: { deeper: [date, null] } });
    assert.equal(found.get('pointer').id, other.id);
    assert.ok(found.get('place').equals(new Parse.GeoPoint(52.5, 13.4)));
    assert.equal(found.get('area').coordinates.length, 5);
    assert.equal(found.get('file').name(), 'hello.txt');
    const fetched = await Thing.createWithoutData(saved.id).fetch();
    assert.equal(fetched.get('text'), 'grüße 🎉');
  });

  const before6 = process.env.PARSE_SDK.startsWith('parse-5') && 'transactions came later';
  test('saveAll and destroyAll in a transaction', { skip: before6 }, async () => {
    const [one, other] = [new Thing({ balance: 10 }), new Thing({ balance: 10 })];
    await Parse.Object.saveAll([one, other], { transaction: true });
    one.increment('balance', -3);
    other.increment('balance', 3);
    await Parse.Object.saveAll([one, other], { transaction: true });
    assert.deepEqual([one.get('balance'), other.get('balance')], [7, 13]);

    const gone = Thing.createWithoutData('nothing123');
    gone.set('balance', 1);
    one.increment('balance', -7);
    // For a batch that fails as a whole, the SDK tells each object the server's words, with a code of its own.
    const errors = await Parse.Object.saveAll([one, gone], { transaction: true }).catch((errors) => errors);
    assert.deepEqual(errors.map((error) => error.message), ['Object not found.', 'Object not found.']);
    assert.equal(await new Parse.Query(Thing).equalTo('objectId', one.id).equalTo('balance', 7).count(), 1);

    await rejects(Parse.Object.destroyAll([one, gone], { transaction: true }), Parse.Error.OBJECT_NOT_FOUND);
    await Parse.Object.destroyAll([one, other], { transaction: true });
    await rejects(new Parse.Query(Thing).get(one.id), Parse.Error.OBJECT_NOT_FOUND);
  });

  test('saveAll, fetchAll and destroyAll', async () => {
    const things = Array.from({ length: 55 }, (_, number) => new Thing({ number }));
    await Parse.Object.saveAll(things);
    assert.equal(new Set(ids(things)).size, 55);
    const copies = things.map((thing) => Thing.createWithoutData(thing.id));
    await Parse.Object.fetchAll(copies);
    assert.deepEqual(copies.map((copy) => copy.get('number')), things.map((_, number) => number));
    await Parse.Object.destroyAll(things);
    assert.equal(await new Parse.Query(Thing).containedIn('objectId', ids(things)).count(), 0);
  });

  test('every update operation', async () => {
    const thing = await new Thing({ count: 1, list: ['a', 'b'], gone: 'x', settings: { sound: true, level: 1 } }).save();
    thing.increment('count', 4);
    thing.add('list', 'c');
    await thing.save();
    assert.equal(thing.get('count'), 5);
    assert.deepEqual(thing.get('list'), ['a', 'b', 'c']);
    thing.decrement('count', 2);
    thing.addAllUnique('list', ['a', 'd']);
    thing.unset('gone');
    thing.set('settings.level', 2);
    await thing.save();
    thing.removeAll('list', ['a', 'b']);
    await thing.save();
    const found = await new Parse.Query(Thing).get(thing.id);
    assert.equal(found.get('count'), 3);
    assert.deepEqual(found.get('list'), ['c', 'd']);
    assert.equal(found.has('gone'), false);
    assert.deepEqual(found.get('settings'), { sound: true, level: 2 });
    found.set('count', 10);
    found.addUnique('list', 'e');
    await found.save();
    found.remove('list', 'c');
    found.increment('settings.level');
    await found.save();
    const last = await new Parse.Query(Thing).get(thing.id);
    assert.deepEqual([last.get('count'), last.get('list'), last.get('settings').level], [10, ['d', 'e'], 3]);
  });

  test('concurrent increments are all counted', async () => {
    const thing = await new Thing({ count: 0 }).save();
    await Promise.all(Array.from({ length: 40 }, () => {
      const copy = Thing.createWithoutData(thing.id);
      copy.increment('count');
      return copy.save();
    }));
    assert.equal((await new Parse.Query(Thing).get(thing.id)).get('count'), 40);
  });

  test('destroy, and what is not there', async () => {
    const thing = await new Thing({ number: 1 }).save();
    await thing.destroy();
    await rejects(new Parse.Query(Thing).get(thing.id), Parse.Error.OBJECT_NOT_FOUND);
    await rejects(Thing.createWithoutData(thing.id).save({ number: 2 }), Parse.Error.OBJECT_NOT_FOUND);
  });

  test('refused values', async () => {
    await new Thing({ typed: 'text' }).save();
    await rejects(new Thing({ typed: 5 }).save(), Parse.Error.INCORRECT_TYPE);
    await rejects(new Thing({ nested: { 'a.b': 1 } }).save(), Parse.Error.INVALID_NESTED_KEY);
  });

  test('ACL', async () => {
    const acl = new Parse.ACL();
    acl.setReadAccess('someUserId', true);
    const thing = new Thing({ secret: true });
    thing.setACL(acl);
    await thing.save();
    await rejects(new Parse.Query(Thing).get(thing.id), Parse.Error.OBJECT_NOT_FOUND);
    await rejects(thing.save({ secret: false }), Parse.Error.OBJECT_NOT_FOUND);
    const found = await new Parse.Query(Thing).get(thing.id, { useMasterKey: true });
    assert.equal(found.getACL().getReadAccess('someUserId'), true);
    assert.equal(found.getACL().getPublicReadAccess(), false);
  });
});

describe('queries', () => {
  const Item = Parse.Object.extend(named('Item'));
  let items;
  const query = () => new Parse.Query(Item);
  const numbers = async (constrained) => (await constrained.ascending('n').find()).map((item) => item.get('n'));

  before(async () => {
    const owner = await new Item({ n: -1 }).save();
    items = Array.from({ length: 10 }, (_, n) => new Item({
      n, even: n % 2 === 0, text: `item ${n} of ten`, tags: ['all', n % 3 === 0 ? 'third' : 'other'],
      when: new Date(Date.UTC(2026, 0, n + 1)), place: new Parse.GeoPoint(n, n), inner: { n },
      ...(n < 3 ? { owner } : {}), ...(n === 5 ? { only: true } : {}),
      area: new Parse.Polygon([[n, n], [n, n + 1], [n + 1, n + 1], [n + 1, n]]),
    }));
    await Parse.Object.saveAll(items);
    await owner.destroy();
    items.owner = owner;
  });

  test('comparisons', async () => {
    assert.deepEqual(await numbers(query().equalTo('n', 3)), [3]);
    assert.deepEqual(await numbers(query().notEqualTo('even', true)), [1, 3, 5, 7, 9]);
    assert.deepEqual(await numbers(query().lessThan('n', 2)), [0, 1]);
    assert.deepEqual(await numbers(query().lessThanOrEqualTo('n', 2)), [0, 1, 2]);
    assert.deepEqual(await numbers(query().greaterThan('n', 7)), [8, 9]);
    assert.deepEqual(await numbers(query().greaterThanOrEqualTo('n', 7)), [7, 8, 9]);
    assert.deepEqual(await numbers(query().greaterThan('when', new Date(Date.UTC(2026, 0, 9)))), [9]);
    assert.deepEqual(await numbers(query().equalTo('inner.n', 4)), [4]);
    assert.deepEqual(await numbers(query().equalTo('owner', items.owner)), [0, 1, 2]);
    assert.deepEqual(await numbers(query().containedIn('n', [1, 5, 50])), [1, 5]);
    assert.deepEqual(await numbers(query().notContainedIn('n', [1, 2, 3, 4, 5, 6, 7, 8])), [0, 9]);
    assert.deepEqual(await numbers(query().exists('only')), [5]);
    assert.deepEqual(await numbers(query().doesNotExist('owner').lessThan('n', 5)), [3, 4]);
  });

  test('relative time', async () => {
    const recent = query();
    recent.greaterThan('createdAt', { $relativeTime: '5 minutes ago' });
    assert.equal((await numbers(recent)).length, 10);
    const future = query();
    future.greaterThan('createdAt', { $relativeTime: 'in 1 hour' });
    assert.deepEqual(await numbers(future), []);
  });

  test('arrays', async () => {
    assert.deepEqual(await numbers(query().equalTo('tags', 'third')), [0, 3, 6, 9]);
    assert.deepEqual(await numbers(query().containsAll('tags', ['all', 'third'])), [0, 3, 6, 9]);
    assert.deepEqual(await numbers(query().containsAllStartingWith('tags', ['al', 'thi'])), [0, 3, 6, 9]);
    assert.deepEqual(await numbers(query().containedBy('tags', ['all', 'other', 'none'])), [1, 2, 4, 5, 7, 8]);
  });

  test('texts', async () => {
    assert.deepEqual(await numbers(query().startsWith('text', 'item 7')), [7]);
    assert.deepEqual(await numbers(query().endsWith('text', 'ten')), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(await numbers(query().contains('text', ' 4 ')), [4]);
    assert.deepEqual(await numbers(query().matches('text', /^ITEM [23]/i)), [2, 3]);
    const search = query().fullText('text', 'item');
    if (embedded) {
      await rejects(search.find(), Parse.Error.INVALID_QUERY);
    } else {
      assert.equal((await search.find()).length, 10);
    }
  });

  test('places', async () => {
    const origin = new Parse.GeoPoint(0, 0);
    const near = await query().near('place', origin).limit(3).find();
    assert.deepEqual(near.map((item) => item.get('n')), [0, 1, 2]);
    assert.deepEqual(await numbers(query().withinKilometers('place', origin, 400)), [0, 1, 2]);
    assert.deepEqual(await numbers(query().withinMiles('place', origin, 100)), [0, 1]);
    assert.deepEqual(await numbers(query().withinRadians('place', origin, 0.08)), [0, 1, 2, 3]);
    assert.deepEqual(await numbers(query().withinKilometers('place', origin, 400, false)), [0, 1, 2]);
    assert.deepEqual(await numbers(query().withinGeoBox('place', new Parse.GeoPoint(1.5, 1.5), new Parse.GeoPoint(4.5, 4.5))), [2, 3, 4]);
    const corners = [[0.5, 0.5], [0.5, 5.5], [5.5, 5.5], [5.5, 0.5]].map(([latitude, longitude]) => new Parse.GeoPoint(latitude, longitude));
    assert.deepEqual(await numbers(query().withinPolygon('place', corners)), [1, 2, 3, 4, 5]);
    assert.deepEqual(await numbers(query().polygonContains('area', new Parse.GeoPoint(6.5, 6.5))), [6]);
  });

  test('combinations', async () => {
    const first = query().equalTo('n', 1);
    const last = query().greaterThan('n', 8);
    assert.deepEqual(await numbers(Parse.Query.or(first, last)), [1, 9]);
    assert.deepEqual(await numbers(Parse.Query.and(query().greaterThan('n', 2), query().equalTo('even', true))), [4, 6, 8]);
    assert.deepEqual(await numbers(Parse.Query.nor(query().lessThan('n', 8), query().equalTo('n', 9))), [8]);
  });

  test('order, pages, selected fields', async () => {
    const page = await query().descending('n').skip(2).limit(3).find();
    assert.deepEqual(page.map((item) => item.get('n')), [7, 6, 5]);
    const two = await query().ascending('even').addDescending('n').limit(2).find();
    assert.deepEqual(two.map((item) => item.get('n')), [9, 7]);
    const [selected] = await query().select('n').limit(1).find();
    assert.ok(selected.has('n') && !selected.has('text'));
    const [excluded] = await query().exclude('text').limit(1).find();
    assert.ok(excluded.has('n') && !excluded.has('text'));
    const counted = await query().withCount().limit(2).find();
    assert.deepEqual([counted.count, counted.results.length], [10, 2]);
  });

  test('count, first, each, get', async () => {
    assert.equal(await query().equalTo('even', true).count(), 5);
    assert.equal((await query().descending('n').first()).get('n'), 9);
    assert.equal(await query().equalTo('n', 99).first(), undefined);
    const seen = [];
    await query().each((item) => { seen.push(item.get('n')); }, { batchSize: 3 });
    assert.deepEqual(seen.sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal((await query().get(items[4].id)).get('n'), 4);
    assert.equal((await query().findAll({ batchSize: 4 })).length, 10);
  });
});
