// What a person does at Thunderbird's windows, one function for each step, in the world of its main window.

const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

// Waits until `look` finds something. Not everything that these steps wait for is announced.
async function until(look) {
  for (;;) {
    const found = look();
    if (found) return found;
    await new Promise((later) => setTimeout(later, 10));
  }
}

// An element of the set-up dialogue, once it is shown and may be used.
function shown(selector) {
  return until(() => {
    const dialogue = document.querySelector("account-hub-container")?.modal;
    const element = dialogue?.querySelector(selector);
    return element?.checkVisibility() && !element.disabled && element;
  });
}

async function fill(selector, text) {
  const input = await shown(selector);
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

async function goOn() {
  (await shown("account-hub-email #forward")).click();
}

// Trusts an authority for servers (`C`), and asks no DNS: there is none here, and none outside is any of its business.
function prepare(authority) {
  const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
  certificates.addCertFromBase64(authority, "C,,");
  const { DNS } = ChromeUtils.importESModule("resource:///modules/DNS.sys.mjs");
  DNS.lookup = async () => [];
}

// Types who it is; ends with the settings that were found, as they are shown.
async function findSettings(name, address) {
  await fill("#realName", name);
  await fill("#email", address);
  await goOn();
  const found = await shown("#emailConfigFoundSubview");
  // What is not from the server is put into words a moment later.
  await document.querySelector("account-hub-container").l10n.translateRoots();
  return found.innerText;
}

// Takes them, types the password, and looks into the mailbox.
async function logIn(password) {
  await goOn();
  await fill("#emailPasswordSubview #password", password);
  await goOn();
  await shown("#emailAddedSuccessSubview");
  await goOn();
  const account = MailServices.accounts.defaultAccount.incomingServer;
  const inbox = await until(() => account.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox));
  await until(() => pane().displayFolder);
  pane().displayFolder(inbox.URI);
}

// Follows a `mailto:` link and sends what it opens; ends with the message's Message-ID.
async function send(link) {
  const sent = new Promise((done) => {
    const observer = (_subject, _topic, id) => done(id);
    Services.obs.addObserver(observer, "mail:composeSendSucceeded");
  });
  MailServices.compose.OpenComposeWindowWithURI(null, Services.io.newURI(link));
  const button = await until(() => {
    const composer = Services.wm.getMostRecentWindow("msgcompose");
    const isReady = composer?.document.querySelector("mail-address-pill") && composer.gMsgCompose?.editor;
    const button = isReady && composer.document.getElementById("button-send");
    return button && !button.disabled && button;
  });
  button.click();
  return sent;
}

// Opens the first message once it has come; ends with what is shown of it.
async function read() {
  await until(() => pane().gDBView?.rowCount);
  pane().threadTree.selectedIndex = 0;
  return until(() => {
    const browser = pane().messageBrowser?.contentWindow?.getMessagePaneBrowser?.();
    return browser?.contentDocument?.body?.innerText.trim();
  });
}

// The window in the window that has folders, messages and the message.
function pane() {
  return document.getElementById("tabmail").currentAbout3Pane;
}
