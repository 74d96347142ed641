/* Opens a sender and sends mails: talk SETTINGS MAIL...
 *
 * Prints one line for each of them: the exit code, a blank, the JSON. An argument of NULL stands for the pointer.
 * The sender is closed when the input ends. */
#include <stdio.h>
#include <string.h>

#include "rohrpost.h"

static const char *text(const char *argument)
{
    return strcmp(argument, "NULL") == 0 ? NULL : argument;
}

static void print(const rohrpost *handle)
{
    const char *json;
    int exit_code = rohrpost_result(handle, &json);

    printf("%d %s\n", exit_code, json);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    rohrpost *sender = rohrpost_open(text(argv[1]));
    int mail;

    print(sender);
    for (mail = 2; mail < argc; mail++) {
        rohrpost *result = rohrpost_send(sender, text(argv[mail]));
        print(result);
        rohrpost_close(result);
    }
    while (getchar() != EOF)
        ;
    rohrpost_close(sender);
    return 0;
}
