// The official JavaScript SDK, unmodified, against one server: identities that others confirm, and links in mails.
// MAILS is where the mails are read that the server sends, PARTNER_SECRET what every good token of the provider starts with.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { afterEach, before, describe, test } from 'node:test';

const require = createRequire(`${process.env.TOOLS_NODE}/`);
const Parse = require(process.env.PARSE_SDK);
const run = Math.random().toString(36).replace(/[^a-z]/g, '');
const password = process.env.PASSWORD;

before(() => {
  Parse.initialize(process.env.APP_ID, undefined, process.env.MASTER_KEY);
  Parse.serverURL = process.env.SERVER_URL;
  Parse.User.enableUnsafeCurrentUser();
});

afterEach(async () => {
  await Parse.User.logOut().catch(() => {});
});

const rejects = (promise, code) => assert.rejects(promise, (error) => {
  assert.equal(error.code, code, error.message);
  return true;
});

const signUp = (name, fields = {}) => new Parse.User({ username: `${name} ${run}`, password, ...fields }).signUp();

// What the provider says of somebody to that one's device.
const partner = (id) => ({ id, access_token: `${process.env.PARTNER_SECRET}.${id}` });

describe('identities', () => {
  test('let in who has none of our passwords', async () => {
    const authData = partner(`nina-${run}`);
    const nina = await Parse.User.logInWith('partner', { authData });
    assert.match(nina.getSessionToken(), /^r:[0-9a-f]{32}$/);
    assert.ok(nina._isLinked('partner') && !nina.existed());
    await nina.save({ shoe: 38 });
    await Parse.User.logOut();
    const again = await Parse.User.logInWith('partner', { authData });
    assert.equal(again.id, nina.id);
    assert.equal(again.get('shoe'), 38);
    assert.ok(again.existed());
    assert.equal(Parse.User.current().id, nina.id);
    const other = await Parse.User.logInWith('partner', { authData: partner(`olga-${run}`) });
    assert.notEqual(other.id, nina.id);
  });

  test('are taken from nobody but the provider', async () => {
    const id = `paul-${run}`;
    await rejects(Parse.User.logInWith('partner', { authData: { id, access_token: 'made up' } }), 101);
    await rejects(Parse.User.logInWith('partner', { authData: { ...partner(`other-${run}`), id } }), 101);
    await rejects(Parse.User.logInWith('nobody', { authData: partner(id) }), 252);
  });

  test('are linked to users who are there, and unlinked', async () => {
    const authData = partner(`rosa-${run}`);
    const rosa = await signUp('rosa');
    assert.ok(!rosa._isLinked('partner'));
    await rosa.linkWith('partner', { authData });
    assert.ok(rosa._isLinked('partner'));
    assert.ok((await rosa.fetch())._isLinked('partner'));
    await Parse.User.logOut();

    const sara = await signUp('sara');
    await rejects(sara.linkWith('partner', { authData }), 208);
    assert.ok(!sara._isLinked('partner'));
    await Parse.User.logOut();

    const found = await Parse.User.logInWith('partner', { authData });
    assert.equal(found.id, rosa.id);
    await found._unlinkFrom('partner', { sessionToken: found.getSessionToken() });
    assert.ok(!found._isLinked('partner'));
    await Parse.User.logOut();
    const stranger = await Parse.User.logInWith('partner', { authData });
    assert.notEqual(stranger.id, rosa.id);
    assert.equal((await Parse.User.logIn(`rosa ${run}`, password)).id, rosa.id);
  });

  test('come from providers that the app describes', async () => {
    const authData = partner(`tina-${run}`);
    const told = [];
    const provider = {
      authenticate: ({ success }) => success(provider, authData),
      restoreAuthentication: (data) => told.push(data) > 0,
      deauthenticate: () => told.push('gone'),
      getAuthType: () => 'partner',
    };
    Parse.User._registerAuthenticationProvider(provider);
    const tina = await signUp('tina');
    await tina.linkWith(provider);
    assert.ok(tina._isLinked(provider));
    await Parse.User.logOut();
    assert.equal(told.at(-1), 'gone');
    assert.equal((await Parse.User.logInWith(provider)).id, tina.id);
  });

  test('give a name to anonymous users', async () => {
    const anonymous = await Parse.AnonymousUtils.logIn();
    const id = anonymous.id;
    const authData = partner(`uwe-${run}`);
    await anonymous.linkWith('partner', { authData });
    assert.ok(!Parse.AnonymousUtils.isLinked(anonymous) && anonymous._isLinked('partner'));
    await Parse.User.logOut();
    const named = await Parse.User.logInWith('partner', { authData });
    assert.equal(named.id, id);
    assert.ok(!Parse.AnonymousUtils.isLinked(named));
  });
});

describe('mails', () => {
  const addressed = (name) => `${name}.${run}@example.com`;

  // Waits for the mail after those known, and tells its link.
  const linkTo = async (address, known) => {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const mails = await (await fetch(`${process.env.MAILS}?to=${encodeURIComponent(address)}`)).json();
      if (mails.length > known) {
        const text = mails.at(-1).data.replaceAll('=\r\n', '').replaceAll('=3D', '=');
        return text.match(/http:\S+[?&]token=[A-Za-z0-9]+/)[0];
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`no mail to ${address} came`);
  };
  const open = async (link) => (await fetch(link)).text();
  const unescaped = (html) => html.replace(/&#x([0-9A-F]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)));

  test('verify an address', async () => {
    const email = addressed('vera');
    const vera = await signUp('vera', { email });
    const first = await linkTo(email, 0);
    assert.notEqual((await vera.fetch()).get('emailVerified'), true);
    await Parse.User.requestEmailVerification(email);
    const second = await linkTo(email, 1);
    assert.notEqual(second, first);
    assert.match(await open(first), /This link does not work/);
    assert.match(await open(second), /Your address is verified/);
    assert.equal((await vera.fetch()).get('emailVerified'), true);
    await Parse.User.logOut();
    assert.equal((await Parse.User.logIn(`vera ${run}`, password)).get('emailVerified'), true);
    // What is verified already, and who is not known: the answer is the same.
    await Parse.User.requestEmailVerification(email);
    await Parse.User.requestEmailVerification(addressed('nobody'));
  });

  test('reset a password', async () => {
    const email = addressed('will');
    const will = await signUp('will', { email });
    await linkTo(email, 0);
    const session = will.getSessionToken();
    await Parse.User.logOut();
    const device = await Parse.User.logIn(`will ${run}`, password);
    await Parse.User.requestPasswordReset(email);
    const link = await linkTo(email, 1);

    const page = unescaped(await open(link));
    const action = page.match(/<form method="post" action="([^"]+)">/)[1];
    const hidden = [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const form = new URLSearchParams(hidden.map(([, name, value]) => [name, value]));
    form.set('new_password', `${password} anew`);
    form.set('confirm_new_password', `${password} anew`);
    const changed = await fetch(action, { method: 'POST', body: form });
    assert.match(await changed.text(), /Your password is changed/);
    assert.doesNotMatch(await open(link), /<form method="post" action="[^"]+request_password_reset">[^]*new_password/);

    for (const token of [session, device.getSessionToken()]) {
      await rejects(new Parse.Query(Parse.User).get(will.id, { sessionToken: token }), 209);
    }
    await rejects(Parse.User.logIn(`will ${run}`, password), 101);
    assert.equal((await Parse.User.logIn(`will ${run}`, `${password} anew`)).id, will.id);
  });

  test('for a reset go to nobody who is not known', async () => {
    await Parse.User.requestPasswordReset(addressed('nobody'));
    const mails = await (await fetch(process.env.MAILS)).json();
    assert.ok(!mails.some((mail) => mail.to.includes(addressed('nobody'))));
  });
});
