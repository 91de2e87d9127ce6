#include <stdio.h>

static int half(int n) {
    if (n > 10 && n % 2 == 0)
        return n / 2;
    return n;
}

int never(int n) {
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += i;
    return sum;
}

int main(void) {
    printf("%d\n", half(3) + half(12));
    return 0;
}
