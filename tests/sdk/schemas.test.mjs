// The official JavaScript SDK, unmodified, against one server: classes.
// PARSE_SDK is the module (`parse-8/node`), SERVER_URL the API, STORE `mongodb` or `embedded`.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, describe, test } from 'node:test';

const require = createRequire(`${process.env.TOOLS_NODE}/`);
const Parse = require(process.env.PARSE_SDK);
const run = Math.random().toString(36).replace(/[^a-z]/g, '');
const named = (name) => `${name}${run}`;

before(() => {
  Parse.initialize(process.env.APP_ID, undefined, process.env.MASTER_KEY);
  Parse.serverURL = process.env.SERVER_URL;
  Parse.masterKey = process.env.MASTER_KEY;
});

const rejects = (promise, code) => assert.rejects(promise, (error) => {
  assert.equal(error.code, code, error.message);
  return true;
});

describe('classes', () => {
  test('are made, changed, listed and removed', async () => {
    const name = named('Schema');
    const schema = new Parse.Schema(name);
    schema.addString('text', { required: true, defaultValue: 'none' }).addNumber('number').addBoolean('yes');
    schema.addDate('date', { defaultValue: new Date('2026-01-02T03:04:05.678Z') }).addArray('list').addObject('object');
    schema.addFile('file').addGeoPoint('place').addPolygon('area').addBytes('bytes');
    schema.addPointer('owner', '_User').addRelation('others', name);
    schema.addIndex('byNumber', { number: -1 });
    schema.setCLP({ find: { '*': true }, get: { '*': true }, create: { '*': true }, addField: {} });
    const made = await schema.save();
    assert.equal(made.className, name);
    assert.deepEqual(made.fields.owner, { type: 'Pointer', targetClass: '_User' });
    assert.deepEqual(made.fields.text, { type: 'String', required: true, defaultValue: 'none' });
    await rejects(new Parse.Schema(name).save(), 103);

    const found = await new Parse.Schema(name).get();
    assert.deepEqual(found.indexes.byNumber, { number: -1 });
    assert.deepEqual(found.classLevelPermissions.delete, {});
    assert.ok((await Parse.Schema.all()).some((one) => one.className === name));

    const object = await new Parse.Object(name, { number: 1 }).save(null, { useMasterKey: false });
    assert.equal(object.get('text'), 'none');
    assert.deepEqual(object.get('date'), new Date('2026-01-02T03:04:05.678Z'));
    await rejects(new Parse.Object(name, { fresh: 1 }).save(null, { useMasterKey: false }), 119);

    const change = new Parse.Schema(name);
    change.addString('fresh').deleteField('number').deleteIndex('byNumber');
    const changed = await change.update();
    assert.deepEqual(changed.fields.fresh, { type: 'String' });
    assert.equal(changed.fields.number, undefined);
    assert.equal((await new Parse.Query(name).get(object.id)).get('number'), undefined);
    await rejects(new Parse.Schema(name).addNumber('text').update(), 255);

    await rejects(new Parse.Schema(name).delete(), 255);
    await new Parse.Schema(name).purge();
    assert.equal(await new Parse.Query(name).count({ useMasterKey: true }), 0);
    await new Parse.Schema(name).delete();
    await rejects(new Parse.Schema(name).get(), 103);
  });
});
