/* Sends a mail through a server:
 *
 *     cc -o send send.c -lrohrpost
 *     ./send smtps://anna@mail.firma.example /run/secrets/smtp anna@firma.example bob@kunde.example
 *
 * The texts that are put into the JSON must be free of quotation marks and backslashes here; a real program has a
 * library for JSON.
 */
#include <stdio.h>

#include "rohrpost.h"

int main(int argc, char **argv)
{
    char settings[1024], mail[4096];
    rohrpost *sender, *result;
    const char *json;
    int exit_code;

    if (argc != 5) {
        fprintf(stderr, "usage: send URL PASSWORD-FILE FROM TO\n");
        return 64;
    }
    snprintf(settings, sizeof settings, "{\"abi\": %d, \"server\": {\"url\": \"%s\", \"password_file\": \"%s\"}}",
             ROHRPOST_ABI, argv[1], argv[2]);
    snprintf(mail, sizeof mail, "{\"from\": \"%s\", \"to\": \"%s\", \"subject\": \"Rechnung 4711\", "
             "\"text\": \"Die Rechnung liegt bei.\", "
             "\"attach\": [{\"name\": \"rechnung.txt\", \"text\": \"Summe: 47,11\"}]}", argv[3], argv[4]);

    sender = rohrpost_open(settings);
    result = rohrpost_send(sender, mail);
    exit_code = rohrpost_result(result, &json);
    puts(json);
    rohrpost_close(result);
    rohrpost_close(sender);
    return exit_code;
}
