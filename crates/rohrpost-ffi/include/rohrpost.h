/* Rohrpost for C: send mail, and know what became of it.
 *
 *     rohrpost *sender = rohrpost_open("{\"abi\": 1, \"server\": \"smtps://mail.firma.example\"}");
 *     rohrpost *result = rohrpost_send(sender,
 *         "{\"from\": \"anna@firma.example\", \"to\": \"bob@kunde.example\", \"text\": \"Hi Bob\"}");
 *     const char *json;
 *     int exit_code = rohrpost_result(result, &json);
 *     puts(json);
 *     rohrpost_close(result);
 *     rohrpost_close(sender);
 *
 * JSON goes in and comes out; docs/c-api.md lists its members. Texts are UTF-8 and end in NUL.
 *
 * Handles. There is one type of handle, and one way to free it. rohrpost_open and rohrpost_send never return NULL: what
 * went wrong is in the result of the handle. So a program may do all of the above without looking, and look at the end.
 *
 * Threads. Any number of threads may send with one sender at a time, each waits for its own message. A handle may be
 * closed on any thread, once, when no other call uses it. A sender has threads of its own: open it behind fork(), not
 * before, and close it before the library is unloaded.
 *
 * Signals. None is caught, and none is raised: a server that hangs up causes no SIGPIPE.
 */
#ifndef ROHRPOST_H
#define ROHRPOST_H

#ifdef __cplusplus
extern "C" {
#endif

/* The number of this interface. It is the member "abi" of the settings, so that a program never runs with a library
 * that means something else by them, and the end of the shared library's name. */
#define ROHRPOST_ABI 1

/* A sender, or what came of a message. */
typedef struct rohrpost rohrpost;

/* Opens a sender for the servers that the settings name, or for the Rohrpost server of this host. Nothing is sent, and no
 * connection made, before the first message. Connections are kept for a minute, so keep the sender while there is more to
 * send.
 *
 * Its result: "abi", "version" and "servers"; or an error of exit code 78, which all that is sent with it then has, too.
 *
 * settings: JSON; the library keeps no pointer to it.
 * Returns a handle for rohrpost_close.
 */
rohrpost *rohrpost_open(const char *settings);

/* Sends a mail, and waits until its fate is known. That may take minutes where servers are slow.
 *
 * Its result is the receipt that `rohrpost send --json` prints: which server took the mail, how well the way there was
 * sealed, and an outcome for each recipient; or the error with what to do about it.
 *
 * sender: of rohrpost_open.
 * mail:   JSON; the library keeps no pointer to it.
 * Returns a handle for rohrpost_close. It does not need the sender any more.
 */
rohrpost *rohrpost_send(const rohrpost *sender, const char *mail);

/* Says how it went.
 *
 * handle: of rohrpost_open or rohrpost_send.
 * json:   where to put a pointer to the result, or NULL. The text belongs to the handle and lives until it is closed.
 * Returns an exit code of sysexits.h:
 *      0  the sender is open; or at least one recipient's server took the mail
 *     65  the mail cannot be built or was refused for good     67  all recipients were refused
 *     68  no such server                                       69  TLS, or something that the server lacks
 *     70  a defect of this library                             71  the system gives no thread
 *     74  nobody knows whether the mail arrived: do not send it again blindly
 *     75  later it may work                                    76  the server does not follow the protocol
 *     77  the log-in was refused                               78  the settings
 */
int rohrpost_result(const rohrpost *handle, const char **json);

/* Frees a handle and its result. Of a sender: says goodbye to its servers first, which takes some seconds at most.
 *
 * handle: of rohrpost_open or rohrpost_send, or NULL.
 */
void rohrpost_close(rohrpost *handle);

#ifdef __cplusplus
}
#endif

#endif
