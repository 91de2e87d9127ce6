package shop;

import java.util.List;

/** What things cost. */
public class Price {
    static int of(int amount) {
        if (amount > 10 && amount % 2 == 0) {
            return amount / 2;
        }
        return amount;
    }

    static int never(List<Integer> all) {
        int sum = 0;
        for (int each : all) {
            sum += each;
        }
        return sum;
    }

    static Runnable later() {
        return () -> System.out.println("later");
    }

    public static void main(String[] args) {
        System.out.println(of(3) + of(12));
        later();
    }
}
