// The official JavaScript SDK, unmodified, against one server: users, sessions and roles.
// PARSE_SDK is the module (`parse-8/node`), SERVER_URL the API. PASSWORD is searched for in the logs of the server.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, before, describe, test } from 'node:test';

const require = createRequire(`${process.env.TOOLS_NODE}/`);
const Parse = require(process.env.PARSE_SDK);
const run = Math.random().toString(36).replace(/[^a-z]/g, '');
const password = process.env.PASSWORD ?? 'sdk-password-that-nobody-says';
let people = 0;
const named = (name) => `${name} ${run} ${people += 1}`;
const master = { useMasterKey: true };

before(() => {
  Parse.initialize(process.env.APP_ID, undefined, process.env.MASTER_KEY);
  Parse.serverURL = process.env.SERVER_URL;
  Parse.User.enableUnsafeCurrentUser();
});

afterEach(async () => {
  // A current user is left over where a test ended its session by itself.
  await Parse.User.logOut().catch(() => {});
});

const rejects = (promise, code) => assert.rejects(promise, (error) => {
  assert.equal(error.code, code, error.message);
  return true;
});

const signUp = (name, fields = {}) => new Parse.User({ username: name, password, ...fields }).signUp();

describe('users', () => {
  test('sign up, log out, log in', async () => {
    const name = named('ann');
    const ann = await signUp(name, { email: `${name.replaceAll(' ', '.')}@example.com`, shoe: 41 });
    assert.match(ann.id, /^[A-Za-z0-9]{10}$/);
    assert.match(ann.getSessionToken(), /^r:[0-9a-f]{32}$/);
    assert.ok(Parse.User.current().id === ann.id && ann.authenticated());
    const first = ann.getSessionToken();
    await Parse.User.logOut();
    assert.equal(Parse.User.current(), null);
    await rejects(new Parse.Query('_Session').first({ sessionToken: first }), 209);
    const again = await Parse.User.logIn(name, password);
    assert.equal(again.id, ann.id);
    assert.equal(again.get('shoe'), 41);
    assert.equal(again.getEmail(), `${name.replaceAll(' ', '.')}@example.com`);
    assert.notEqual(again.getSessionToken(), first);
    assert.equal(again.get('password'), undefined);
    await rejects(Parse.User.logIn(name, 'wrong'), 101);
    await rejects(signUp(name), 202);
    await rejects(signUp(name.toUpperCase()), 202);
    await rejects(signUp(named('x'), { email: 'no address' }), 125);
  });

  test('become and the current user', async () => {
    const bob = await signUp(named('bob'), { shoe: 45 });
    const token = bob.getSessionToken();
    const other = await Parse.User.become(token);
    assert.equal(other.id, bob.id);
    assert.equal(other.getSessionToken(), token);
    assert.equal(Parse.User.current().get('shoe'), 45);
    const current = await Parse.User.currentAsync();
    assert.equal(current.id, bob.id);
    await rejects(Parse.User.become('r:00000000000000000000000000000000'), 209);
    const me = await Parse.User.me(token);
    assert.equal(me.id, bob.id);
    const session = await Parse.Session.current();
    assert.equal(session.getSessionToken(), token);
    assert.equal(session.get('user').id, bob.id);
    assert.equal(session.get('createdWith').action, 'signup');
    assert.ok(session.get('expiresAt') > new Date());
  });

  test('change, verify the password, and remove', async () => {
    const name = named('carl');
    const carl = await signUp(name);
    await carl.save({ shoe: 43 });
    assert.equal((await new Parse.Query(Parse.User).get(carl.id)).get('shoe'), 43);
    const before = carl.getSessionToken();
    await carl.save({ password: `${password} anew` });
    assert.notEqual(carl.getSessionToken(), before);
    await rejects(new Parse.Query(Parse.User).get(carl.id, { sessionToken: before }), 209);
    assert.equal((await new Parse.Query(Parse.User).get(carl.id)).id, carl.id);
    const verified = await Parse.User.verifyPassword(name, `${password} anew`);
    assert.equal((verified.toJSON?.() ?? verified).username, name);
    await rejects(Parse.User.verifyPassword(name, password), 101);
    const token = carl.getSessionToken();
    await carl.destroy();
    await rejects(Parse.User.become(token), 209);
    await rejects(Parse.User.logIn(name, `${password} anew`), 101);
  });

  test('others see nothing, or what they are let see', async () => {
    const dora = await signUp(named('dora'), { email: `dora.${run}@example.com` });
    await Parse.User.logOut();
    const eve = await signUp(named('eve'));
    await rejects(new Parse.Query(Parse.User).get(dora.id), 101);
    assert.equal(await new Parse.Query(Parse.User).equalTo('objectId', dora.id).count(), 0);
    const acl = new Parse.ACL(dora);
    acl.setPublicReadAccess(true);
    dora.setACL(acl);
    await dora.save(null, master);
    const seen = await new Parse.Query(Parse.User).get(dora.id);
    assert.equal(seen.getUsername(), dora.getUsername());
    assert.equal(seen.getEmail(), undefined);
    await rejects(new Parse.Query(Parse.User).equalTo('email', `dora.${run}@example.com`).find(), 119);
    seen.set('shoe', 1);
    await rejects(seen.save(), 206);
    assert.equal((await new Parse.Query(Parse.User).get(eve.id)).id, eve.id);
    const all = await new Parse.Query(Parse.User).containedIn('objectId', [dora.id, eve.id]).find(master);
    assert.equal(all.length, 2);
    assert.equal(all.find((user) => user.id === dora.id).getEmail(), `dora.${run}@example.com`);
  });

  test('the master key logs in as anybody', async () => {
    const fred = await signUp(named('fred'));
    await Parse.User.logOut();
    const logged = await Parse.User.loginAs(fred.id);
    assert.equal(logged.id, fred.id);
    assert.notEqual(logged.getSessionToken(), fred.getSessionToken());
    await rejects(Parse.User.loginAs('nobody0000'), 101);
  });
});

describe('anonymous users', () => {
  test('become named ones', async () => {
    const anonymous = await Parse.AnonymousUtils.logIn();
    assert.ok(Parse.AnonymousUtils.isLinked(anonymous));
    const id = anonymous.id;
    const Note = Parse.Object.extend(`Note${run}`);
    const note = new Note({ text: 'mine' });
    note.setACL(new Parse.ACL(anonymous));
    await note.save();
    const name = named('gina');
    anonymous.setUsername(name);
    anonymous.setPassword(password);
    await anonymous.signUp();
    assert.equal(anonymous.id, id);
    assert.ok(!Parse.AnonymousUtils.isLinked(anonymous));
    assert.equal((await new Parse.Query(Note).get(note.id)).get('text'), 'mine');
    await Parse.User.logOut();
    await rejects(new Parse.Query(Note).get(note.id), 101);
    assert.equal((await Parse.User.logIn(name, password)).id, id);
    assert.equal((await new Parse.Query(Note).get(note.id)).get('text'), 'mine');
  });

  test('are linked to users who are there', async () => {
    const hugo = await signUp(named('hugo'));
    const authData = { id: `device-${run}` };
    await hugo.linkWith('anonymous', { authData });
    assert.ok(hugo._isLinked('anonymous'));
    await Parse.User.logOut();
    const found = await Parse.User.logInWith('anonymous', { authData });
    assert.equal(found.id, hugo.id);
    const ida = await signUp(named('ida'));
    await rejects(ida.linkWith('anonymous', { authData }), 208);
    await Parse.User.become(found.getSessionToken());
    const linked = Parse.User.current();
    await linked._unlinkFrom('anonymous', { sessionToken: linked.getSessionToken() });
    assert.ok(!linked._isLinked('anonymous'));
    assert.notEqual((await Parse.User.logInWith('anonymous', { authData })).id, hugo.id);
  });
});

describe('roles', () => {
  test('give their members access, and those of the roles in them', async () => {
    const kim = await signUp(named('kim'));
    const kims = kim.getSessionToken();
    const lea = await signUp(named('lea'));
    const leas = lea.getSessionToken();
    const acl = new Parse.ACL();
    acl.setPublicReadAccess(true);
    const editors = new Parse.Role(`editors-${run}`, acl);
    editors.getUsers().add(kim);
    await editors.save(null, master);
    const authors = new Parse.Role(`authors-${run}`, acl);
    authors.getRoles().add(editors);
    await authors.save(null, master);

    const page = new Parse.Object(`Page${run}`);
    const access = new Parse.ACL();
    access.setRoleReadAccess(authors, true);
    access.setRoleWriteAccess(`editors-${run}`, true);
    page.setACL(access);
    await page.save(null, master);
    const read = (sessionToken) => new Parse.Query(`Page${run}`).get(page.id, { sessionToken });
    const write = async (sessionToken) => {
      const copy = Parse.Object.extend(`Page${run}`).createWithoutData(page.id);
      await copy.save({ by: sessionToken.length }, { sessionToken });
    };
    assert.equal((await read(kims)).id, page.id);
    await write(kims);
    await rejects(read(leas), 101);
    await rejects(write(leas), 101);

    authors.getUsers().add(lea);
    await authors.save(null, master);
    assert.equal((await read(leas)).id, page.id);
    await rejects(write(leas), 101);
    editors.getUsers().remove(kim);
    await editors.save(null, master);
    await rejects(read(kims), 101);
    const members = await authors.getUsers().query().find(master);
    assert.deepEqual(members.map((user) => user.id), [lea.id]);
    const roles = await new Parse.Query(Parse.Role).equalTo('users', lea).find(master);
    assert.deepEqual(roles.map((role) => role.getName()), [`authors-${run}`]);
    await authors.destroy(master);
    await rejects(read(leas), 101);
  });
});

describe('users in queries', () => {
  test('objects point to them and are included with them', async () => {
    const mia = await signUp(named('mia'), { shoe: 39 });
    const Post = Parse.Object.extend(`Post${run}`);
    const post = await new Post({ by: mia, text: 'hello' }).save();
    const found = await new Parse.Query(Post).include('by').equalTo('by', mia).first();
    assert.equal(found.id, post.id);
    assert.equal(found.get('by').get('shoe'), 39);
    const inner = new Parse.Query(Parse.User).equalTo('shoe', 39).equalTo('objectId', mia.id);
    assert.equal((await new Parse.Query(Post).matchesQuery('by', inner).first()).id, post.id);
    const either = Parse.Query.or(inner, new Parse.Query(Parse.User).equalTo('username', 'nobody at all'));
    assert.deepEqual((await either.find()).map((user) => user.id), [mia.id]);
    assert.equal(await new Parse.Query(Parse.User).equalTo('objectId', mia.id).count(), 1);
    const fetched = await Parse.User.current().fetch();
    assert.equal(fetched.get('shoe'), 39);
    await Parse.Object.saveAll([mia.set('shoe', 40), new Post({ by: mia, text: 'again' })]);
    assert.equal((await new Parse.Query(Parse.User).get(mia.id)).get('shoe'), 40);
  });
});
