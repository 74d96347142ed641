/* Sends from several threads through one sender: threads SETTINGS MAIL. Prints how many mails were sent. */
#include <pthread.h>
#include <stdio.h>

#include "rohrpost.h"

#define THREADS 8
#define MAILS 5

static const char *mail;

static void *work(void *sender)
{
    static const char good;
    const char *outcome = &good;
    int i;

    for (i = 0; i < MAILS; i++) {
        rohrpost *result = rohrpost_send(sender, mail);
        if (rohrpost_result(result, NULL) != 0)
            outcome = NULL;
        rohrpost_close(result);
    }
    return (void *)outcome;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    rohrpost *sender = rohrpost_open(argv[1]);
    int i, sent = 0;

    if (argc != 3)
        return 64;
    mail = argv[2];
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, sender) != 0)
            return 71;
    for (i = 0; i < THREADS; i++) {
        void *good;
        if (pthread_join(threads[i], &good) == 0 && good != NULL)
            sent += MAILS;
    }
    rohrpost_close(sender);
    printf("%d\n", sent);
    return 0;
}
