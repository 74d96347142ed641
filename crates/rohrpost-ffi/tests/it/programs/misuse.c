/* Handles where they do not belong: misuse SETTINGS. Prints an exit code and JSON for each. */
#include <stdio.h>

#include "rohrpost.h"

static void print(rohrpost *handle)
{
    const char *json;
    int exit_code = rohrpost_result(handle, &json);

    printf("%d %s\n", exit_code, json);
    if (rohrpost_result(handle, NULL) != exit_code)
        printf("the exit code depends on whether somebody wants the JSON\n");
    rohrpost_close(handle);
}

int main(int argc, char **argv)
{
    rohrpost *sender = rohrpost_open(argv[argc - 1]);
    rohrpost *result = rohrpost_send(NULL, "{}");

    print(NULL);
    print(rohrpost_send(result, "{}"));
    print(result);
    result = rohrpost_send(sender, "{}");
    rohrpost_close(sender);
    print(result);
    return 0;
}
